"""chart.py - bars as SVG, for RESULTS.md: how many times as fast as each."""
from xml.sax.saxutils import escape

WIDTH, LEFT, RIGHT, BAR, STEP = 760, 210, 130, 20, 28


def bars(title, rows):
    """rows: (name, value, must or None, figure). The must is a line."""
    most = max([v for _, v, _, _ in rows] + [m or 0 for _, _, m, _ in rows])
    room = (WIDTH - LEFT - RIGHT) / most
    height = STEP * (len(rows) + 2)
    out = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" '
           'width="%d" height="%d" font-family="sans-serif" font-size="13">'
           % (WIDTH, height, WIDTH, height),
           '<rect width="100%" height="100%" fill="#ffffff"/>',
           '<text x="%d" y="%d" font-weight="bold">%s</text>'
           % (LEFT, STEP - 8, escape(title))]
    for i, (name, value, must, figure) in enumerate(rows):
        y = STEP * (i + 1)
        out.append('<text x="%d" y="%d" text-anchor="end">%s</text>'
                   % (LEFT - 10, y + BAR - 5, escape(name)))
        out.append('<rect x="%d" y="%d" width="%.1f" height="%d" rx="2" '
                   'fill="#2f6f9f"/>' % (LEFT, y, max(1, value * room), BAR))
        if must:
            out.append('<path d="M%.1f %dv%d" stroke="#d97a2b" '
                       'stroke-width="2"/>' % (LEFT + must * room, y - 2,
                                               BAR + 4))
        end = max(value, must or 0) * room
        out.append('<text x="%.1f" y="%d">%s</text>'
                   % (LEFT + end + 8, y + BAR - 5, escape(figure)))
    return '\n'.join(out + ['</svg>', ''])
