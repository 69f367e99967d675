#!/bin/bash
# `shaft report` on two small runs: one well-formed page that loads nothing, what it shows counted, refusals.
set -eu
shaft=$1
source=$2
# shellcheck source=tests/tools/expect.sh
. "$(dirname "${BASH_SOURCE[0]}")/../tools/expect.sh"

cat > tiny.yaml <<'EOF2'
elements: [Li, Na, O, Cl]
constraints: {max_elements: 2, max_sites: 1, max_atoms: 64}
policy: {mixture: 1}
reward: {formation_energy: {weight: 0}}
train: {iterations: 20, batch: 8, replay: {capacity: 16, batch: 0}}
run: {seed: 1, directory: one, checkpoint_every: 8}
EOF2

expect 0 "usage: shaft report" "$shaft" report --help
expect 2 "1 to 8 folders of runs are needed, and 0 were given" "$shaft" report
expect 2 "and 9 were given" "$shaft" report a b c d e f g h i
expect 2 "--top 'many' is not a number of crystals" "$shaft" report one --top many
expect 2 "'--fast' is no option of this command" "$shaft" report one --fast
expect 2 "'one' cannot be opened" "$shaft" report one
expect 2 "'tiny.yaml' is no folder of a run" "$shaft" report tiny.yaml
mkdir empty
expect 2 "'empty' is no run: there is no metrics.csv in it" "$shaft" report empty
: > empty/metrics.csv
expect 2 "empty/metrics.csv:1: there is no column 'iteration'" "$shaft" report empty
printf 'iteration,loss\n0,1' > empty/metrics.csv # its last line is not ended: it is being written
expect 2 "empty/metrics.csv: no rows in it" "$shaft" report empty
printf 'iteration,loss\n0,1\n1,x\n' > empty/metrics.csv
expect 2 "empty/metrics.csv:3: 'x' in column 'loss' is no number" "$shaft" report empty
printf 'iteration,loss\n0,1\n1\n' > empty/metrics.csv
expect 2 "empty/metrics.csv:3: 1 fields where the header has 2" "$shaft" report empty
printf 'iteration,loss\n1,1\n1,2\n' > empty/metrics.csv
expect 2 "empty/metrics.csv:3: the iteration does not follow the one before" "$shaft" report empty
test ! -e report.html

"$shaft" train tiny.yaml --quiet
other='a<b>&"c"'
"$shaft" train tiny.yaml --quiet --set "run.directory=$other" --set run.seed=2 --set train.iterations=12 \
    --set run.save_samples=false
expect 2 "'one' is given twice" "$shaft" report one one
cp tiny.yaml report.html
expect 2 "'report.html' is there and is no page of an earlier report" "$shaft" report one
cmp tiny.yaml report.html
rm report.html
expect 2 "cannot write 'none/page.html.part'" "$shaft" report one -o none/page.html

expect 0 "the page is report.html" "$shaft" report one "$other" --top 3
test "$(ls)" = "$(printf '%s\n' "$other" empty one out.txt report.html tiny.yaml)"
cat > check.py <<'EOF2'
import re, sys
import xml.etree.ElementTree as tree
from html.parser import HTMLParser

text = open(sys.argv[1], encoding="utf-8").read()
assert text.startswith("<!DOCTYPE html>\n")
assert not re.search(r"https?:|<link|<script|<img|<iframe|<object|@import|\bsrc=|\bhref=", text), "something is loaded"
for where in re.findall(r"url\(([^)]*)\)", text):
    assert where.startswith("#"), where
root = tree.fromstring(text.replace("<!DOCTYPE html>", "", 1))  # well-formed, or this fails

class Strict(HTMLParser):  # as a browser reads it: every element that is opened is closed
    open_tags = []
    def handle_starttag(self, tag, attrs):
        assert tag not in ("br", "meta", "input") , tag
        self.open_tags.append(tag)
    def handle_startendtag(self, tag, attrs):
        assert tag in ("br", "meta", "input", "path", "circle", "rect", "stop"), tag
    def handle_endtag(self, tag):
        assert self.open_tags.pop() == tag, tag
Strict.CDATA_CONTENT_ELEMENTS = ()
parser = Strict()
parser.feed(text)
parser.close()
assert not parser.open_tags

def of_class(element, name):
    return [e for e in element.iter() if name in e.get("class", "").split()]

def points(path):
    return len(re.findall("[ML]", path.get("d")))

def figure(title):
    found = [f for f in root.iter("figure") if f.find("figcaption").text == title]
    assert len(found) == 1, title
    return found[0]

keys = ["".join(k.itertext()).strip() for k in of_class(root, "key")]
assert keys == ["one", 'a<b>&"c"'], keys
ids = [e.get("id") for e in root.iter() if e.get("id")]
assert len(ids) == len(set(ids))

for title, lines in (("Loss", 1), ("Reward", 2), ("Bond term", 1), ("Share of valid crystals", 2), ("Modes found", 1)):
    f = figure(title)
    drawn = [p for p in of_class(f, "line") if p.get("d") != "M1 5h24"]  # that is the mark of the caption
    assert [points(p) for p in drawn] == ([20] * lines + [12] * lines), (title, [points(p) for p in drawn])
    assert [points(p) for p in of_class(f, "raw")][:1] == ([20] if title != "Modes found" else []), title
# Nothing was computed of energies: said, and not drawn.
for title in ("Formation energy term", "Median formation energy, eV/atom", "Share with negative formation energy"):
    f = figure(title)
    assert not of_class(f, "chart") and of_class(f, "none"), title
# First and last tenth of the run that kept samples; of no energy.
for title, outlines in (("Reward of samples", 2), ("Density of samples", 2), ("Bond score of samples", 2),
                        ("Formation energy of samples", 0)):
    hist = of_class(figure(title), "hist")
    assert len(hist) == outlines and len([p for p in hist if "first" in p.get("class").split()]) == outlines // 2, title
    for p in hist:
        assert len(re.findall("H", p.get("d"))) == 40, title
# The map: a dot for each sample of both tenths that has a fingerprint, inside the axes; counted in the table.
f = figure("Structures by their fingerprints")
dots = [(g, g.findall("circle")) for g in of_class(of_class(f, "chart")[0], "dots")]
assert ["first" in g.get("class").split() for g, _ in dots] == [True, False]
for _, circles in dots:
    for c in circles:
        assert 58 <= float(c.get("cx")) <= 446 and 10 <= float(c.get("cy")) <= 230
labels = [t.text for t in f.iter("text") if t.text.startswith("component")]
shares = [float(re.fullmatch(r"component [12]: (.*) % of the variance", t).group(1)) for t in labels]
assert len(shares) == 2 and 100 >= shares[0] >= shares[1] >= 0 and sum(shares) < 100.11, labels
table = [t for t in root.iter("table") if t.get("class") == "diversity"][0]
rows = [[c.text for c in r] for r in table.find("tbody")]
assert [r[:2] for r in rows] == [["one", "0 to 1"], ["one", "18 to 19"]], rows
for row, (_, circles) in zip(rows, dots):
    assert int(row[2]) == len(circles) and 2 <= len(circles) + int(row[3]) <= 16, row
    assert float(row[4]) > 0 and 1 <= float(row[5]) <= len(circles), row
left_out = sum(int(r[3]) for r in rows)
assert "left out, since they have no fingerprint: %d" % left_out in "".join(f.itertext())
assert "no samples, so no map: a<b>&" in "".join(root.itertext())
bars = of_class(figure("Samples that hold an element"), "bar")
assert 2 <= len(bars) <= 2 * 4 and len(bars) % 2 == 0, len(bars)
said = "".join(root.itertext())
assert "no samples were kept" in said
assert len([t for t in root.iter("table") if t.get("class") == "best"]) == 1
crystals = of_class(root, "crystal")
assert len(crystals) == 3 and all(c.findall("circle") for c in crystals)
for c in crystals:
    for circle in c.findall("circle"):
        x, y, r = (float(circle.get(k)) for k in ("cx", "cy", "r"))
        assert r > 0 and r <= x <= 170 - r and r <= y <= 150 - r
        assert "#g" + circle.get("class")[1:] in text  # its shading is there
differ = [t for t in root.iter("table") if t.get("class") is None]
rows = {r[0].text: [c.text for c in r[1:]] for r in differ[0].find("tbody")}
assert rows == {"train.iterations": ["20", "12"], "run.seed": ["1", "2"], "run.save_samples": ["true", "false"]}, rows
assert [p.text.count("max_sites: 1") for p in root.iter("pre")] == [1, 1]
numbers = [float(n) for n in re.findall(r"-?\d+\.?\d*", " ".join(p.get("d") for p in of_class(root, "line")))]
assert len(numbers) > 500 and not re.search(r"[^a-z](nan|inf)[^a-z]", text)
EOF2
python3 check.py report.html

# Columns by their names: one that is new is drawn, one that is not there is said to be missing. No samples, no settings.
mkdir bare
printf 'loss,novel,iteration\n3,1,0\n,2,1\n1,4,5\n' > bare/metrics.csv
expect 0 "bare: 3 rows, 0 samples, 0 crystals" "$shaft" report bare -o bare.html
python3 - bare.html <<'EOF2'
import re, sys
import xml.etree.ElementTree as tree
root = tree.fromstring(open(sys.argv[1], encoding="utf-8").read().replace("<!DOCTYPE html>", "", 1))
figures = {f.find("figcaption").text: f for f in root.iter("figure")}
def raw(title):
    return [len(re.findall("[ML]", p.get("d"))) for p in figures[title].iter("path") if p.get("class") == "raw"]
assert raw("Loss") == [2] and raw("novel") == [3], (raw("Loss"), raw("novel"))
assert "nothing in metrics.csv" in "".join(figures["Modes found"].itertext())
assert "there is no config.yaml" in "".join(root.itertext())
assert "no samples, so no map" in "".join(root.itertext()) and "Structures by their fingerprints" not in figures
EOF2

# A page is replaced; a damaged file of samples is named.
expect 0 "the page is bare.html" "$shaft" report one --top 0 -o bare.html
if grep -q 'class="crystal"' bare.html; then exit 1; fi
printf 'text\n' > one/samples/000008-000016.h5
expect 1 "one/samples/000008-000016.h5" "$shaft" report one -o bare.html
grep -qF "move it away" out.txt
rm one/samples/000008-000016.h5
expect 0 "one: 20 rows" "$shaft" report one -o bare.html

# Of many samples 300 are shown; the same ones, however the samples are cut into files.
for every in 1 2; do
    "$shaft" train tiny.yaml --quiet --set "run.directory=many$every" --set train.batch=400 --set train.iterations=2 \
        --set "run.checkpoint_every=$every"
done
expect 0 "the page is many.html" "$shaft" report many1 many2 --top 0 -o many.html
python3 - many.html <<'EOF2'
import re, sys
import xml.etree.ElementTree as tree
root = tree.fromstring(open(sys.argv[1], encoding="utf-8").read().replace("<!DOCTYPE html>", "", 1))
rows = [[c.text for c in r][2:] for t in root.iter("table") if t.get("class") == "diversity" for r in t.find("tbody")]
assert len(rows) == 4 and rows[:2] == rows[2:] and rows[0] != rows[1], rows
assert all(int(r[0]) + int(r[1]) == 300 for r in rows), rows
places = {}
for g in root.iter("g"):
    inner = g.find("g")
    if inner is not None and "dots" in inner.get("class", ""):
        places[g.get("class"), inner.get("class")] = [(c.get("cx"), c.get("cy")) for c in inner]
assert len(places) == 4 and places["r0", "dots"] == places["r1", "dots"] != places["r0", "dots first"], places.keys()
assert places["r0", "dots first"] == places["r1", "dots first"]
EOF2
