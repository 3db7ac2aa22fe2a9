/** Keys that were renamed, or are often written wrongly (end of control-plane §1.2). */
const formerNames: ReadonlyMap<string, string> = new Map([
  ["max_header_bytes", "max_request_header_bytes"],
  ["route_service_timeout", "route_services_timeout"],
]);

/** The known name that an unknown one was probably meant to be, or undefined when none is near. */
export function nearestName(unknown: string, known: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.floor(unknown.length / 3) + 1;
  for (const name of known) {
    if (formerNames.get(unknown) === name) return name;
    const distance = editDistance(unknown.toLowerCase(), name);
    if (distance < bestDistance) {
      best = name;
      bestDistance = distance;
    }
  }
  return best;
}

/** Edits from one to the other, two letters that changed places counting as one; one row at a time. */
function editDistance(from: string, to: string): number {
  let before: number[] = [];
  let row = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1);
      let edits = Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1);
      const swapped = i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1];
      if (swapped) edits = Math.min(edits, (before[j - 2] ?? 0) + 1);
      next.push(edits);
    }
    before = row;
    row = next;
  }
  return row[to.length] ?? 0;
}
