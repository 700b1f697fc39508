"use strict";
// Tables, and texts that may break after a mark but not inside a word.

// Puts a text into an element; long paths and names may go on in the next line after one of / _ , = and .
function wrappable(element, text) {
  for (const part of text.split(/(?<=[/_,=.])(?=[^\s\d])/)) {
    if (element.childNodes.length > 0) element.append(document.createElement("wbr"));
    element.append(part);
  }
  return element;
}

function fillTable(id, rows, head) {
  const table = document.getElementById(id);
  table.replaceChildren();
  if (head) {
    const line = table.insertRow();
    for (const text of head) {
      const cell = document.createElement("th");
      cell.textContent = text;
      line.appendChild(cell);
    }
  }
  for (const row of rows) {
    const line = table.insertRow();
    row.forEach((text, i) => {
      const cell = document.createElement(i === 0 ? "th" : "td");
      if (i === 0) cell.scope = "row";
      wrappable(cell, text);
      line.appendChild(cell);
    });
  }
}

// A table of the evaluation: a row of one text is the heading of those below it; a name that begins with a dot is a
// detail of the row above.
function evaluationTable(parent, { title, note, head, rows, definitions }) {
  newElement(parent, "h3", "", title);
  if (note) newElement(parent, "p", "faint", note);
  const table = newElement(newElement(parent, "div", "scroll"), "table");
  if (head.length > 0) {
    const line = newElement(newElement(table, "thead"), "tr");
    for (const text of ["", ...head]) newElement(line, "th", "", text).scope = "col";
  }
  const body = newElement(table, "tbody"), width = Math.max(...rows.map((row) => row.length));
  for (const [name, ...cells] of rows) {
    const line = newElement(body, "tr"), isGroup = cells.length === 0;
    const first = wrappable(newElement(line, "th", name.startsWith("· ") ? "detail" : ""), name.replace(/^· /, ""));
    first.scope = isGroup ? "rowgroup" : "row";
    if (isGroup) first.colSpan = width;
    for (const text of cells) newElement(line, "td", text.startsWith("±") ? "error" : "", text);
  }
  if (definitions.length > 0) definitionList(parent, definitions);
}

function definitionList(parent, definitions) {
  const details = newElement(parent, "details");
  newElement(details, "summary", "", "What these are");
  const list = newElement(details, "dl");
  for (const [name, meaning] of definitions) {
    newElement(list, "dt", "", name);
    newElement(list, "dd", "", meaning);
  }
}

function settingsTable(parent, groups) {
  const table = newElement(parent, "table");
  for (const { title, rows } of groups) {
    const body = newElement(table, "tbody"), head = newElement(newElement(body, "tr"), "th", "", title);
    Object.assign(head, { scope: "rowgroup", colSpan: 2 });
    for (const [name, value, differs] of rows) {
      const line = newElement(body, "tr", differs ? "differs" : ""), first = newElement(line, "th", "", name);
      first.scope = "row";
      const cell = wrappable(newElement(line, "td"), value);
      if (!differs) continue;
      cell.append(" ");
      newElement(cell, "span", "mark", "●").title = "differs from the default";
    }
  }
}
