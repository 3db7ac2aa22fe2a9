/** What is used of Deno's own interface; its types are not among ours. */
interface DenoPermissions {
  readonly permissions: { querySync(descriptor: { readonly name: string }): { readonly state: string } };
}

const names = ["net", "read", "write", "env", "sys", "run"] as const;

/** Arguments of `deno` that give another process the permissions that this one has, and no others. */
export function runFlags(): string[] {
  const { permissions } = (globalThis as unknown as { readonly Deno: DenoPermissions }).Deno;
  const granted = names.filter((name) => permissions.querySync({ name }).state === "granted");
  return ["run", "--no-prompt", ...granted.map((name) => `--allow-${name}`)];
}
