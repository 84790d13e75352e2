// Sorting and filtering of tables. Without it the page shows all the same.
(function () {
"use strict";

function key(cell) {
	if (!cell) return "";
	var v = cell.getAttribute("data-v");
	if (v !== null) return Number(v);
	return cell.classList.contains("n") ? -Infinity
		: cell.textContent.trim();
}

// Numbers before texts, texts as people order them.
var order = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
function compare(a, b) {
	if (typeof a === "number" && typeof b === "number") return a - b;
	if (typeof a !== typeof b) return typeof a === "number" ? -1 : 1;
	return order.compare(a, b);
}

// A click: one way, then the other, then as it was.
function sortBy(table, column) {
	var heads = table.tHead.rows[0].cells, head = heads[column];
	var first = head.classList.contains("n") ? "descending" : "ascending";
	var second = first === "ascending" ? "descending" : "ascending";
	var now = head.getAttribute("aria-sort");
	var next = now === first ? second : now === second ? null : first;
	var body = table.tBodies[0];
	var rows = Array.prototype.map.call(body.rows, function (row) {
		return { row: row, key: key(row.cells[column]), at: row.at };
	});
	rows.sort(function (a, b) {
		var c = next === null ? 0 : compare(a.key, b.key);
		return (next === "descending" ? -c : c) || a.at - b.at;
	});
	for (var i = 0; i < heads.length; i++) heads[i].removeAttribute("aria-sort");
	if (next !== null) head.setAttribute("aria-sort", next);
	rows.forEach(function (r) { body.appendChild(r.row); });
}

function addSorting(table) {
	Array.prototype.forEach.call(table.tBodies[0].rows, function (row, i) {
		row.at = i;
	});
	Array.prototype.forEach.call(table.tHead.rows[0].cells, function (th, i) {
		// Beside the title: on paper, a button is not repeated.
		var button = document.createElement("button");
		button.type = "button";
		button.setAttribute("aria-label", "Sort by " + th.textContent);
		th.appendChild(button);
		th.addEventListener("click", function () { sortBy(table, i); });
	});
}

// Rows that have every word of what is typed.
function addFilter(table) {
	var rows = Array.prototype.slice.call(table.tBodies[0].rows);
	var tools = document.createElement("div");
	var label = document.createElement("label");
	var input = document.createElement("input");
	var status = document.createElement("output");

	tools.className = "tools";
	input.type = "search";
	input.spellcheck = false;
	input.setAttribute("aria-label", "Filter: " + table.caption.textContent);
	input.placeholder = "Filter rows";
	status.className = "note";
	status.setAttribute("role", "status");
	input.addEventListener("input", function () {
		var words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
		var shown = 0;
		rows.forEach(function (row) {
			var text = row.textContent.toLowerCase();
			row.hidden = !words.every(function (w) {
				return text.indexOf(w) >= 0;
			});
			if (!row.hidden) shown++;
		});
		status.textContent = words.length
			? shown + " of " + rows.length + " rows" : "";
	});
	label.appendChild(input);
	tools.appendChild(status);
	tools.appendChild(label);
	var frame = table.parentNode;
	frame.parentNode.insertBefore(tools, frame);
}

Array.prototype.forEach.call(document.querySelectorAll("table.data"),
	function (table) {
		if (table.tBodies[0].rows.length > 1) addSorting(table);
		if (table.tBodies[0].rows.length > 5) addFilter(table);
	});

// What is folded away is wanted on paper, and where a link leads to it.
function unfold() {
	Array.prototype.forEach.call(document.querySelectorAll("details"),
		function (d) { d.open = true; });
}
window.addEventListener("beforeprint", unfold);
window.addEventListener("hashchange", function () {
	var to = document.getElementById(location.hash.slice(1));
	if (to && to.tagName === "DETAILS") to.open = true;
});
})();
