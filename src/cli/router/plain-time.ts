const two = (value: number): string => String(value).padStart(2, "0");

/** `YYYY/MM/DD HH:MM:SS`, local time: how lines of libraries begin on standard error (control-plane §6.1). */
export function plainTime(milliseconds: number): string {
  const date = new Date(milliseconds);
  const day = `${date.getFullYear()}/${two(date.getMonth() + 1)}/${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}
