"""Draws the learning curves of both stages from their logs, as one SVG."""
import csv
import math

WIDTH, HEIGHT, LEFT, TOP, GAP = 300, 170, 48, 30, 70
PANELS = (
    ("stage1.csv", "Stage 1: loss", {"loss": "training"}),
    ("stage1.csv", "Stage 1: AUC of whole images", {"validationImageAuc": "validation"}),
    ("stage2.csv", "Stage 2: loss", {"loss": "training", "validationLoss": "validation"}),
    ("stage2.csv", "Stage 2: AUC of cases", {"validationCaseAuc": "validation"}),
)
COLOURS = {"training": "#6b7683", "validation": "#0b5cad"}


def write_curves(out):
    """Writes curves.svg into the folder with the logs; a stage without a log, as that of a volume's second, leaves its place empty."""
    panels = []
    for index, (log, title, columns) in enumerate(PANELS):
        path = out / log
        if not path.exists():
            continue
        with path.open(newline="") as file:
            rows = list(csv.DictReader(file))
        lines = {name: points(rows, column) for column, name in columns.items()}
        panels.append(panel(title, lines, LEFT + index % 2 * (WIDTH + GAP), TOP + index // 2 * (HEIGHT + GAP)))
    size = (LEFT + 2 * WIDTH + GAP + 20, TOP + 2 * HEIGHT + GAP + 44)
    (out / "curves.svg").write_text("\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size[0]} {size[1]}" width="{size[0]}" height="{size[1]}" font-family="sans-serif" font-size="11" fill="#14181d">',
        f'<rect width="{size[0]}" height="{size[1]}" fill="#fff"/>', *panels, "</svg>", ""]))


def points(rows, column):
    """(epoch, value) of the epochs that have one: some figures are not taken at every epoch."""
    found = [(int(row["epoch"]), float(row.get(column) or "nan")) for row in rows]
    return [(epoch, value) for epoch, value in found if math.isfinite(value)]


def panel(title, lines, left, top):
    everything = [value for line in lines.values() for _, value in line]
    parts = [f'<text x="{left}" y="{top - 10}" font-weight="600">{title}</text>',
             f'<path d="M{left} {top}V{top + HEIGHT}H{left + WIDTH}" fill="none" stroke="#6b7683"/>']
    if not everything:
        return "\n".join([*parts, f'<text x="{left + 8}" y="{top + 20}">not measured</text>'])
    low, high = min(everything), max(everything)
    low, high = (low - 0.05, high + 0.05) if high == low else (low, high)
    last = max(epoch for line in lines.values() for epoch, _ in line)

    def place(epoch, value):
        return f"{left + WIDTH * epoch / last:.1f},{top + HEIGHT * (1 - (value - low) / (high - low)):.1f}"

    parts += [f'<text x="{left - 6}" y="{y + 4}" text-anchor="end">{value:.3g}</text>' for value, y in ((high, top), (low, top + HEIGHT))]
    parts.append(f'<text x="{left + WIDTH}" y="{top + HEIGHT + 16}" text-anchor="end">epoch {last}</text>')
    for k, (name, line) in enumerate((name, line) for name, line in lines.items() if line):
        parts.append(f'<polyline points="{" ".join(place(*point) for point in line)}" fill="none" stroke="{COLOURS[name]}" stroke-width="1.5"/>')
        # A value alone draws no line.
        parts += [f'<circle cx="{place(*point).split(",")[0]}" cy="{place(*point).split(",")[1]}" r="2" fill="{COLOURS[name]}"/>' for point in line]
        parts.append(f'<text x="{left + WIDTH}" y="{top - 10}" dx="{-90 * k}" text-anchor="end" fill="{COLOURS[name]}">{name}</text>')
    return "\n".join(parts)
