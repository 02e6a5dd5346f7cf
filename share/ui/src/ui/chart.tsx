// SPDX-License-Identifier: Apache-2.0
// A chart and, for who cannot see it, the table of the same numbers.
import type { Chart } from "chart.js";
import { useEffect, useRef } from "react";

export interface Series { name: string; /** A colour of the style sheet, "--good". */ colour: string; values: (number | null)[] }

interface ChartProps {
  title: string;
  labels: string[];
  series: Series[];
  kind?: "bar" | "line";
  format?: (value: number) => string;
  onPick?: (index: number, series: string) => void;
}

const colourOf = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim() || name;

const optionsOf = (props: ChartProps) => ({
  responsive: true, maintainAspectRatio: false, animation: false, interaction: { mode: "index", intersect: false },
  scales: {
    x: { stacked: true, grid: { display: false }, ticks: { color: colourOf("--quiet"), maxRotation: 0, autoSkipPadding: 16 } },
    y: { stacked: props.kind !== "line", beginAtZero: true, grid: { color: colourOf("--line") }, ticks: { color: colourOf("--quiet"), precision: 0, callback: props.format } },
  },
  plugins: { tooltip: { filter: (item: { raw: number | null }) => Boolean(item.raw), callbacks: props.format && { label: (item: { dataset: { label: string }; raw: number }) => `${item.dataset.label}: ${props.format?.(item.raw)}` } } },
  onClick: (_: unknown, hit: { datasetIndex: number; index: number }[]) => { if (hit[0]) props.onPick?.(hit[0].index, props.series[hit[0].datasetIndex].name); },
});

export function ChartView(props: ChartProps) {
  const canvas = useRef<HTMLCanvasElement>(null), chart = useRef<Chart>(), latest = useRef(props);
  latest.current = props;
  const key = JSON.stringify([props.labels, props.series]);
  useEffect(() => {
    let gone = false;
    const draw = async () => {
      const { default: Library } = await import("./chart-library");
      if (gone || !canvas.current) return;
      const { labels, series, kind = "bar" } = latest.current;
      const datasets = series.map(({ name, colour, values }) => ({
        label: name, data: values, backgroundColor: colourOf(colour), borderColor: colourOf(colour), stack: kind === "bar" ? "all" : name, pointRadius: 2,
      }));
      chart.current?.destroy();
      chart.current = new Library(canvas.current, { type: kind, data: { labels, datasets }, options: optionsOf(latest.current) });
    };
    void draw();
    return () => { gone = true; };
  }, [key]);
  useEffect(() => () => chart.current?.destroy(), []);
  const shown = props.series.filter(({ values }) => values.some(Boolean));
  return (
    <figure className="chart">
      <figcaption>{props.title} <span className="legend">{shown.map(({ name, colour }) => <span key={name}><i style={{ background: `var(${colour})` }} />{name}</span>)}</span></figcaption>
      <div className="canvas"><canvas ref={canvas} role="img" aria-label={`${props.title}: the numbers are in the table below`} /></div>
      <details><summary>Numbers</summary><Numbers {...props} series={shown} /></details>
    </figure>
  );
}

function Numbers({ title, labels, series, format = String }: ChartProps) {
  return (
    <div className="scroll">
      <table className="list">
        <caption className="hidden">{title}</caption>
        <thead><tr><th scope="col">Time</th>{series.map(({ name }) => <th key={name} scope="col" className="number">{name}</th>)}</tr></thead>
        <tbody>{labels.map((label, index) => (
          <tr key={label}><td>{label}</td>{series.map(({ name, values }) => <td key={name} className="number">{format(values[index] ?? 0)}</td>)}</tr>
        ))}</tbody>
      </table>
    </div>
  );
}
