/** Attributes whose value is a URL, or a list with URLs. */
const urls = new Set(
  (
    "action archive background cite classid codebase data formaction href icon imagesrcset longdesc manifest ping " +
    "poster profile src srcset usemap xmlns"
  ).split(" "),
);

/**
 * Why no value may stand in a quoted attribute; undefined: it is plain. The rules of Go's html/template: a `data-` or
 * name-space prefix does not count, and a name that speaks of URLs is taken for one. `element` and `attribute` are
 * lower-case.
 */
export function attributeDanger(element: string, attribute: string): string | undefined {
  const colon = attribute.indexOf(":");
  const name = attribute.startsWith("data-")
    ? attribute.slice(5)
    : attribute.startsWith("xmlns:")
      ? "xmlns"
      : attribute.slice(colon + 1);
  const shown = `${attribute}="…"`;
  if (name === "style") return `cannot print a value in CSS: ${shown}`;
  if (name === "srcdoc") return `cannot print a value in HTML inside an attribute: ${shown}`;
  if (name.startsWith("on")) return `cannot print a value in a script: ${shown}`;
  // The content of <meta http-equiv="refresh"> is a URL.
  if (element === "meta" && name === "content") return `cannot print a value that may be a URL: <meta ${shown}`;
  const speaks = name.includes("src") || name.includes("uri") || name.includes("url");
  return speaks || urls.has(name) ? `cannot print a value in a URL: ${shown}` : undefined;
}
