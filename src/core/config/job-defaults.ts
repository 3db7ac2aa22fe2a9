import { configShape, type SectionShape, type Shape } from "./shape.ts";

/**
 * What the program starts with when it is given no configuration file: the schema's job defaults with the embedded NATS
 * server and no start delay (architecture §6). As input of the schema; keys that it does not name take their binary default.
 */
export function jobDefaults(): Record<string, unknown> {
  return jobSection(configShape);
}

function jobSection(section: SectionShape): Record<string, unknown> {
  const given: Record<string, unknown> = {};
  for (const [key, shape] of section.entries) {
    const value = jobValue(shape);
    if (value !== undefined) given[key] = value;
  }
  return given;
}

function jobValue(shape: Shape): unknown {
  switch (shape.kind) {
    case "section":
      return jobSection(shape);
    case "list":
      return shape.job;
    case "scalar":
      return shape.notes.job;
  }
}
