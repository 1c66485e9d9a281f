"""The life without a kernel: one piece of HTML with its pictures, its style and its script inside."""

import hashlib
import html
import json
from collections.abc import Sequence

from .frames import DENSITY, Frame, encode
from .knobs import Knob

# The card stays light on a dark page, because the figures in it are white. Targets are 44 pixels high for fingers.
STYLE = """
#ID{box-sizing:border-box;max-width:46rem;margin:.25rem auto;padding:.9rem 1rem;border:1px solid #d0d7de;
border-radius:10px;background:#fff;color:#24292f;color-scheme:light;line-height:1.4}
#ID [hidden]{display:none!important}
#ID .knobs{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,15rem),1fr));gap:.5rem 1.75rem;
align-items:end}
#ID .head{display:flex;justify-content:space-between;gap:1rem;margin:0}
#ID label{margin:0;font-weight:600;color:inherit}
#ID output{color:#0b5fad;font-weight:600;font-variant-numeric:tabular-nums}
#ID input{display:block;width:100%;height:44px;margin:0;padding:0;accent-color:#0b5fad;
cursor:pointer;touch-action:pan-y}
#ID select{display:block;width:100%;min-height:44px;margin:.2rem 0 0;padding:0 .6rem;border:1px solid #8c959f;
border-radius:6px;background:#fff;color:inherit;font:inherit;font-size:1rem;cursor:pointer}
#ID :focus-visible{outline:3px solid #0b5fad;outline-offset:2px;border-radius:6px}
#ID .ticks{display:flex;justify-content:space-between;margin:-.6rem 8px .2rem;font-size:.8rem;color:#57606a}
#ID .ticks span{display:flex;justify-content:center;width:0;white-space:nowrap}
#ID figure{margin:.8rem 0 0;padding:0;text-align:center}
#ID img{display:block;max-width:100%;height:auto;margin:0 auto;padding:0;background:#fff;filter:none}
#ID figcaption{margin:.5rem 0 0;padding:0;min-height:1.4em;color:#57606a;font:inherit;font-size:.9rem;
text-align:center}
@media print{#ID .knobs{display:none}#ID{border:0;padding:0;break-inside:avoid}}
"""

# Everything lives inside one function; the first picture is the one the page was printed with.
SCRIPT = """
(function () {
  var root = document.getElementById("ID");
  var data = JSON.parse(root.querySelector("script").textContent);
  var inputs = Array.from(root.querySelectorAll("input, select"));
  var image = root.querySelector("img"), caption = root.querySelector("figcaption");
  data.frames.unshift(image.src);
  function show() {
    var frame = 0;
    inputs.forEach(function (input, k) {
      var name = data.names[k][input.value];
      frame = frame * data.names[k].length + Number(input.value);
      if (input.type === "range") {
        input.setAttribute("aria-valuetext", name);
        root.querySelector("output[for='" + input.id + "']").textContent = name;
      }
    });
    image.src = data.frames[frame];
    image.alt = data.title + ": " + data.captions[frame];
    caption.textContent = data.captions[frame];
  }
  inputs.forEach(function (input) { input.addEventListener("input", show); });
  root.querySelector(".knobs").hidden = false;
  show();
})();
"""


def page(title: str, knobs: Sequence[Knob], frames: Sequence[Frame], captions: Sequence[str]) -> str:
    """The control as HTML that needs nothing from outside, with the knobs hidden where no script runs.

    Args:
        title: what the pictures show; begins every alt text.
        knobs: the controls, the last one varying fastest in `frames`.
        frames: a picture for each setting.
        captions: the words for each setting, read out when it is chosen.
    """
    sources = encode(frames)
    data = {
        "title": title,
        "names": [knob.names for knob in knobs],
        "captions": list(captions),
        "frames": sources[1:],
    }
    packed = json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("</", "<\\/")
    named = "".join(f"{knob.keyword}|{knob.label}|{knob.slider};" for knob in knobs)
    name = "explore-" + hashlib.sha256((packed + sources[0] + named).encode()).hexdigest()[:10]
    controls = "".join(_control(knob, f"{name}-{i}") for i, knob in enumerate(knobs))
    height, width = (round(side / DENSITY) for side in frames[0].pixels.shape[:2])
    alt = html.escape(f"{title}: {captions[0]}")
    return (
        f'<div id="{name}" role="group" aria-label="{html.escape(title)}">'
        f"<style>{STYLE.replace('ID', name)}</style>"
        f'<div class="knobs" hidden>{controls}</div>'
        f'<figure><img class="dark-light" src="{sources[0]}" alt="{alt}" width="{width}" height="{height}">'
        f'<figcaption aria-live="polite">{html.escape(captions[0])}</figcaption></figure>'
        f'<script type="application/json">{packed}</script>'
        f"<script>{SCRIPT.replace('ID', name)}</script></div>"
    )


def _control(knob: Knob, name: str) -> str:
    label = f'<label for="{name}">{html.escape(knob.label)}</label>'
    if not knob.slider:
        options = "".join(f'<option value="{i}">{html.escape(text)}</option>' for i, text in enumerate(knob.names))
        return f'<div><p class="head">{label}</p><select id="{name}" autocomplete="off">{options}</select></div>'
    ticks = "".join(f"<span>{html.escape(text)}</span>" for text in knob.names) if len(knob.names) <= 9 else ""
    return (
        f'<div><p class="head">{label}<output for="{name}">{html.escape(knob.names[0])}</output></p>'
        f'<input type="range" id="{name}" min="0" max="{len(knob.names) - 1}" step="1" value="0" autocomplete="off" '
        f'aria-valuetext="{html.escape(knob.names[0])}">'
        + (f'<div class="ticks" aria-hidden="true">{ticks}</div>' if ticks else "")
        + "</div>"
    )
