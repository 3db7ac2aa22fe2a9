// The manifest of the npm package. A checkout runs src/*.ts as they are; Node refuses TypeScript below node_modules, so
// the package runs the bundle in dist/node instead. npm reads package.json from the disk when it packs, so `prepack`
// puts the package's manifest there (`packed`) and `postpack` puts the checkout's back (`checkout`). If packing was
// killed in between: npm run postpack.
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";

const manifest = "package.json";
const kept = "dist/package.checkout.json";

/** What the package has instead of the checkout's entries; undefined takes an entry out. */
const packed = {
  engines: { node: ">=20" },
  bin: { causeway: "dist/node/main.js" },
  exports: { ".": { types: "./dist/node/mod.d.ts", default: "./dist/node/mod.js" } },
  imports: undefined,
  scripts: undefined,
  devDependencies: undefined,
};

/** The bundle is a package scope of its own, so that its `#runtime` means the adapters beside it, wherever it runs. */
const bundleScope = {
  type: "module",
  imports: {
    "#runtime": { bun: "./runtime/bun.js", deno: "./runtime/deno.js", default: "./runtime/node.js" },
  },
};

const write = (file, value) => writeFileSync(file, `${JSON.stringify(value, undefined, 2)}\n`);

const [step] = process.argv.slice(2);
switch (step) {
  case "bundle":
    write("dist/node/package.json", bundleScope);
    break;
  case "packed": {
    const text = readFileSync(manifest, "utf8");
    const checkout = JSON.parse(text);
    // After a packing that was killed the package's manifest is still there, and the checkout's is kept already.
    if (checkout.bin.causeway !== packed.bin.causeway) writeFileSync(kept, text);
    write(manifest, { ...checkout, ...packed });
    break;
  }
  case "checkout":
    if (existsSync(kept)) renameSync(kept, manifest);
    break;
  default:
    throw new Error(`cannot run step "${step}": say bundle, packed or checkout`);
}
