// SPDX-License-Identifier: Apache-2.0
// The browser's own modal dialog: it takes the focus and keeps it, Escape closes it, the page behind it is inert.
import { FormEvent, ReactNode, useEffect, useId, useRef } from "react";
import { createRoot } from "react-dom/client";
import { Failure } from "./basics";
import { Action } from "./load";

interface DialogProps {
  title: string;
  onClose: () => void;
  children: ReactNode;
  /** Given, the dialog is a form with this button. */
  submit?: string;
  danger?: boolean;
  onSubmit?: () => void;
  action?: Action;
  disabled?: boolean;
  wide?: boolean;
}

export function Dialog(props: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const title = useId();
  useEffect(() => {
    const shown = dialog.current, before = document.activeElement as HTMLElement | null;
    shown?.showModal();
    return () => { shown?.close(); before?.focus(); };
  }, []);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    props.onSubmit?.();
  };
  return (
    <dialog ref={dialog} className={props.wide ? "dialog wide" : "dialog"} aria-labelledby={title}
            onCancel={(event) => { event.preventDefault(); props.onClose(); }}>
      <form onSubmit={submit}>
        <h2 id={title}>{props.title}</h2>
        {props.children}
        <Failure error={props.action?.error} />
        <div className="actions">
          <button type="button" onClick={props.onClose}>{props.submit ? "Cancel" : "Close"}</button>
          {props.submit && (
            <button type="submit" className={props.danger ? "primary danger" : "primary"} disabled={props.action?.busy || props.disabled}>
              {props.submit}
            </button>
          )}
        </div>
      </form>
    </dialog>
  );
}

/** Asks before something that cannot be taken back. Resolves to the answer. */
export function confirm(title: string, text: ReactNode, submit: string): Promise<boolean> {
  return new Promise((resolve) => {
    const place = document.body.appendChild(document.createElement("div"));
    const root = createRoot(place);
    const answer = (yes: boolean) => {
      root.unmount();
      place.remove();
      resolve(yes);
    };
    root.render(
      <Dialog title={title} submit={submit} danger onClose={() => answer(false)} onSubmit={() => answer(true)}>{text}</Dialog>,
    );
  });
}
