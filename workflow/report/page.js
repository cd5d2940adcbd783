"use strict";

// Sorting: a click on a head orders the rows by that column, a third click restores the table's own order.
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  const original = [...body.rows];
  // in a paper's table what is printed is rounded, or a word: what has no exact value has none
  const exact = table.classList.contains("numbers");
  const value = (row, index) => {
    const cell = row.cells[index];
    const text = cell.dataset.value ?? (exact ? "" : cell.textContent.trim().replace("−", "-"));
    const number = Number(text);
    return text === "" || text === "–" ? null : Number.isNaN(number) ? text : number;
  };
  const compare = (a, b) => {
    if (a === null || b === null) return (a === null) - (b === null);
    return typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
  };
  const single = table.tHead.rows.length === 1;
  const heads = [...table.tHead.rows[table.tHead.rows.length - 1].cells];
  const buttons = single ? heads : [table.tHead.rows[0].cells[0], ...heads];
  buttons.forEach((head, index) => {
    head.querySelector("button")?.addEventListener("click", () => {
      const next = { none: "ascending", ascending: "descending", descending: "none" }[head.getAttribute("aria-sort") ?? "none"];
      buttons.forEach((other) => other.removeAttribute("aria-sort"));
      if (next !== "none") head.setAttribute("aria-sort", next);
      table.classList.toggle("sorted", next !== "none");
      const rows = [...original];
      if (next !== "none") {
        const sign = next === "ascending" ? 1 : -1;
        rows.sort((a, b) => {
          const [left, right] = [value(a, index), value(b, index)];
          // what has no value stays last in both directions
          return left === null || right === null ? compare(left, right) : sign * compare(left, right);
        });
      }
      body.append(...rows);
    });
  });
}

// Filter of the claims by verdict.
const filter = document.querySelector(".filter");
if (filter) {
  const boxes = [...filter.querySelectorAll("input")];
  const claims = [...document.querySelectorAll(".of-papers .claim")];
  const show = () => {
    const wanted = new Set(boxes.filter((box) => box.checked).map((box) => box.value));
    let count = 0;
    for (const claim of claims) {
      claim.hidden = !wanted.has(claim.dataset.verdict);
      count += claim.hidden ? 0 : 1;
    }
    filter.querySelector(".shown").textContent = `${count} of ${claims.length} claims`;
  };
  filter.addEventListener("change", show);
  filter.hidden = false;
  show();
}

// Pictures: one zoom for all versions of a crop, and a slider between two of them.
const clamp = (number, low, high) => Math.min(high, Math.max(low, number));

function comparison(element) {
  const versions = element.querySelector(".versions");
  const view = { zoom: 1, x: 0, y: 0 };
  const apply = () => {
    const room = 100 - 100 / view.zoom;
    view.x = clamp(view.x, 0, room);
    view.y = clamp(view.y, 0, room);
    element.style.setProperty("--zoom", view.zoom);
    element.style.setProperty("--x", `${-view.x}%`);
    element.style.setProperty("--y", `${-view.y}%`);
    element.classList.toggle("zoomed", view.zoom > 1);
    element.querySelector(".factor").textContent = `${Number(view.zoom.toFixed(1))} ×`;
  };
  // the point (x, y), in shares of a viewport, stays where it is
  const zoom = (factor, x = 0.5, y = 0.5) => {
    const before = 100 / view.zoom;
    view.zoom = clamp(view.zoom * factor, 1, 12);
    const change = before - 100 / view.zoom;
    view.x += change * x;
    view.y += change * y;
    apply();
  };
  const move = (x, y) => {
    view.x += (x * 100) / view.zoom;
    view.y += (y * 100) / view.zoom;
    apply();
  };
  const reset = () => {
    Object.assign(view, { zoom: 1, x: 0, y: 0 });
    apply();
  };
  const act = { in: () => zoom(1.5), out: () => zoom(1 / 1.5), reset };
  for (const button of element.querySelectorAll("[data-do]")) {
    button.addEventListener("click", () => act[button.dataset.do]());
  }
  const keys = {
    "+": act.in, "=": act.in, "-": act.out, 0: reset,
    ArrowLeft: () => move(-0.1, 0), ArrowRight: () => move(0.1, 0),
    ArrowUp: () => move(0, -0.1), ArrowDown: () => move(0, 0.1),
  };
  versions.addEventListener("keydown", (event) => {
    const arrow = event.key.startsWith("Arrow");
    if (!(event.key in keys) || event.ctrlKey || event.metaKey || (arrow && view.zoom === 1)) return;
    event.preventDefault();
    keys[event.key]();
  });
  versions.addEventListener("wheel", (event) => {
    const port = event.target.closest(".viewport");
    // without focus or Ctrl the wheel scrolls the page as everywhere else
    if (!port || !(event.ctrlKey || versions.contains(document.activeElement))) return;
    event.preventDefault();
    const box = port.getBoundingClientRect();
    zoom(Math.exp(-event.deltaY / 300), (event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height);
  }, { passive: false });
  versions.addEventListener("pointerdown", (event) => {
    const port = event.target.closest(".viewport");
    if (!port || view.zoom === 1) return;
    port.setPointerCapture(event.pointerId);
    let [x, y] = [event.clientX, event.clientY];
    const drag = (moved) => {
      move((x - moved.clientX) / port.clientWidth, (y - moved.clientY) / port.clientHeight);
      [x, y] = [moved.clientX, moved.clientY];
    };
    port.addEventListener("pointermove", drag);
    for (const end of ["pointerup", "pointercancel"]) {
      port.addEventListener(end, () => port.removeEventListener("pointermove", drag), { once: true });
    }
  });
  slider(element);
  element.querySelector(".tools").hidden = false;
  apply();
}

function slider(element) {
  const box = element.querySelector(".slider");
  const halves = box.querySelector(".halves");
  const range = box.querySelector("input");
  const pictures = new Map([...element.querySelectorAll(".versions figure")].map((figure) => [figure.dataset.label, figure.querySelector("img")]));
  for (const side of ["right", "left"]) {
    const half = document.createElement("div");
    half.className = `half ${side}`;
    const picture = new Image();
    picture.draggable = false;
    const name = document.createElement("span");
    half.append(picture, name);
    halves.append(half);
    const select = box.querySelector(`select.${side}`);
    const show = () => {
      picture.src = pictures.get(select.value).src;
      picture.alt = `${side}: ${select.value}`;
      name.textContent = select.value;
    };
    if (pictures.has(element.dataset[side])) select.value = element.dataset[side];
    select.addEventListener("change", show);
    show();
  }
  const cut = () => halves.style.setProperty("--cut", `${range.value}%`);
  range.addEventListener("input", cut);
  halves.addEventListener("pointerdown", (event) => {
    halves.setPointerCapture(event.pointerId);
    const follow = (moved) => {
      const place = halves.getBoundingClientRect();
      range.value = (100 * (moved.clientX - place.left)) / place.width;
      cut();
    };
    follow(event);
    halves.addEventListener("pointermove", follow);
    halves.addEventListener("pointerup", () => halves.removeEventListener("pointermove", follow), { once: true });
  });
  cut();
  box.hidden = false;
}

const near = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (entry.isIntersecting) {
      near.unobserve(entry.target);
      comparison(entry.target);
    }
  }
}, { rootMargin: "600px" });
for (const element of document.querySelectorAll(".comparison")) near.observe(element);

// The contents show where the reader is; on paper everything is open.
const links = new Map([...document.querySelectorAll(".contents a")].map((link) => [link.hash.slice(1), link]));
const here = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    const link = links.get(entry.target.id);
    if (entry.isIntersecting) link?.setAttribute("aria-current", "true");
    else link?.removeAttribute("aria-current");
  }
}, { rootMargin: "-30% 0px -65% 0px" });
for (const section of document.querySelectorAll("main > section")) here.observe(section);
addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll("details")) details.open = true;
});
