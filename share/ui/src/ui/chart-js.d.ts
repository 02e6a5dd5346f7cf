// SPDX-License-Identifier: Apache-2.0
// The few calls of Chart.js 3 that chart.tsx makes; Debian ships the library without types.
declare module "chart.js" {
  export interface Dataset { label: string; data: (number | null)[]; backgroundColor: string; borderColor?: string; stack?: string; pointRadius?: number }
  export interface ChartElement { datasetIndex: number; index: number }
  export class Chart {
    static register(...parts: unknown[]): void;
    constructor(canvas: HTMLCanvasElement, settings: { type: "bar" | "line"; data: { labels: string[]; datasets: Dataset[] }; options: unknown });
    data: { labels: string[]; datasets: Dataset[] };
    update(mode?: "none"): void;
    destroy(): void;
  }
  export const BarController: unknown, BarElement: unknown, CategoryScale: unknown, LineController: unknown, LineElement: unknown, LinearScale: unknown,
    PointElement: unknown, Tooltip: unknown;
}
