// The layers of docs/architecture: imports point one way. See src/core/README or the design page for the why.
const only = (name, from, to, comment) => ({ name, severity: "error", comment, from, to });
module.exports = {
  forbidden: [
    only("no-cycles", {}, { circular: true }, "A cycle means two files are one."),
    only("core-is-pure", { path: "^src/core" }, { pathNot: "^(src/core|node_modules/valibot)" }, "core knows itself, valibot and the language"),
    only("wire", { path: "^src/wire" }, { pathNot: "^(src/(wire|core|runtime/interface(/|\\.ts))|node_modules/ipaddr\\.js)" }, "wire knows core and the runtime interface"),
    only("bus", { path: "^src/bus" }, { pathNot: "^(src/(bus|core|wire|runtime/interface(/|\\.ts))|node_modules/(nats\\.ws|valibot|ws))" }, "bus knows core, wire and the runtime interface"),
    only("route-registrar", { path: "^src/route-registrar" }, { pathNot: "^src/(route-registrar|routing-api/client|bus|core|wire|runtime/interface(/|\\.ts))" }, "the registrar knows the Routing API's client, bus, core, wire and the runtime interface"),
    only("routing-api-client", { path: "^src/routing-api/client" }, { pathNot: "^src/(routing-api/client|core|wire|runtime/interface(/|\\.ts))" }, "the client of the Routing API knows core, wire and the runtime interface"),
    only("routing-api", { path: "^src/routing-api" }, { pathNot: "^(src/(routing-api|core|wire|runtime/interface(/|\\.ts)|status/metrics/text-format\\.ts)|node_modules/(hono|valibot|jose|kysely|pg|@types/pg|mysql2)|(node:)?(sqlite|crypto)$)" }, "the Routing API knows core, wire, the runtime interface, its stores"),
    only("native", { path: "^src/native" }, { pathNot: "^(src/(native|bus|core|wire|runtime/interface(/|\\.ts))|node_modules/valibot)" }, "native serving knows bus, core, wire and the runtime interface"),
    only("status", { path: "^src/status" }, { pathNot: "^(src/(status|core|wire|runtime/interface(/|\\.ts))|node_modules/(hono|valibot))" }, "status knows core, wire and the runtime interface"),
    only("adapter", { path: "^src/runtime/(bun|deno|node)" }, { pathNot: "^src/runtime|^((node|bun):)?[a-z_/0-9]+$" }, "an adapter knows the runtime interface and its own runtime"),
    only("interface-is-a-leaf", { path: "^src/runtime/interface(/|\\.ts)" }, { pathNot: "^src/runtime/interface/" }, "the interface knows nobody"),
    only("nobody-imports-the-program", { pathNot: "^src/(main|cli)" }, { path: "^src/(main|cli)" }, "main and cli know everyone, nobody knows them"),
    only("runtime-by-name", { path: "^src", pathNot: "^src/(runtime|main\\.ts|mod\\.ts)" }, { path: "^src/runtime/(?!interface(/|\\.ts))" }, "the adapter is picked by #runtime in main.ts only"),
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "default", "node", "types"] },
  },
};
