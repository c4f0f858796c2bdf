"use strict";
// The sliders below the charts. Without this the tables beside them say the same.
for (const box of document.querySelectorAll(".whatif")) {
  const stops = JSON.parse(box.dataset.stops);
  const slider = box.querySelector("input");
  const line = box.closest(".threshold").querySelector("line.moved");
  const start = Number(slider.value);
  const show = () => {
    const at = Number(slider.value);
    const [x, value, told] = stops[at];
    box.querySelector(".value").textContent = value;
    box.querySelector(".told").textContent = told;
    slider.setAttribute("aria-valuetext", `${value}: ${told}`);
    line.setAttribute("x1", x);
    line.setAttribute("x2", x);
    line.setAttribute("visibility", at === start ? "hidden" : "visible");
  };
  slider.addEventListener("input", show);
  slider.value = start;
  show();
  box.hidden = false;
}
