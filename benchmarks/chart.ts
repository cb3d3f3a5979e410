/** A picture of one figure by row and contender: grouped horizontal bars as a stand-alone SVG. */

export interface Bar {
  readonly label: string;
  readonly value: number;
}

export interface BarGroup {
  readonly title: string;
  readonly bars: readonly Bar[];
}

const barHeight = 14;
const barGap = 3;
const groupGap = 26;
const labelWidth = 210;
const plotWidth = 520;
const valueWidth = 80;
const colours = ['#d9480f', '#e8903a', '#f2b880', '#4263eb', '#7048e8', '#2b8a3e', '#868e96', '#495057'];

/** Each group has a scale of its own, because one call at a time costs twenty times what many at once cost. */
export function barChart({
  title,
  unit,
  groups,
}: {
  readonly title: string;
  readonly unit: string;
  readonly groups: readonly BarGroup[];
}): string {
  const parts: string[] = [];
  let y = 44;
  for (const { title: groupTitle, bars } of groups) {
    parts.push(`<text x="0" y="${y}" class="group">${escape(groupTitle)}</text>`);
    y += 8;
    const highest = Math.max(...bars.map(({ value }) => value));
    for (const [index, { label, value }] of bars.entries()) {
      const width = highest === 0 ? 0 : (value / highest) * plotWidth;
      parts.push(
        `<text x="${labelWidth - 8}" y="${y + barHeight - 3}" class="label">${escape(label)}</text>`,
        `<rect x="${labelWidth}" y="${y}" width="${width.toFixed(1)}" height="${barHeight}" fill="${colours[index % colours.length]}"/>`,
        `<text x="${labelWidth + width + 6}" y="${y + barHeight - 3}">${format(value)} ${escape(unit)}</text>`,
      );
      y += barHeight + barGap;
    }
    y += groupGap;
  }
  const width = labelWidth + plotWidth + valueWidth;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${y}" viewBox="0 0 ${width} ${y}" font-family="system-ui, sans-serif" font-size="11">
<style>text { fill: #343a40 } .label { text-anchor: end } .group { font-weight: 600 } .title { font-size: 15px; font-weight: 600 }</style>
<rect width="100%" height="100%" fill="#fff"/>
<text x="0" y="18" class="title">${escape(title)}</text>
${parts.join('\n')}
</svg>
`;
}

function format(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toFixed(1);
}

function escape(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;');
}
