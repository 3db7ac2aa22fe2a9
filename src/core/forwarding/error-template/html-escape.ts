const entities: Readonly<Record<string, string>> = {
  "\0": "\u00ef\u00bf\u00bd",
  '"': "&#34;",
  "&": "&amp;",
  "'": "&#39;",
  "+": "&#43;",
  "<": "&lt;",
  ">": "&gt;",
};

/** Escapes a value for text and quoted attributes, byte for byte as Go's html/template; one character per byte. */
export function escapeHtml(text: string): string {
  return text.replaceAll(/[\0"&'+<>]/g, (character) => entities[character]!);
}
