// SPDX-License-Identifier: Apache-2.0
// Chart.js out of Debian's libjs-chart.js, with the parts that we draw with; loaded when the first chart is shown.
import { BarController, BarElement, CategoryScale, Chart, LineController, LineElement, LinearScale, PointElement, Tooltip } from "chart.js";

Chart.register(BarController, BarElement, CategoryScale, LineController, LineElement, LinearScale, PointElement, Tooltip);
export default Chart;
