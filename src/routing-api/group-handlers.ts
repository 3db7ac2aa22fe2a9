import { answer, emptyAnswer, jsonAnswer } from "./answers.ts";
import { type Api, type Call, type Handler, queryOf } from "./api.ts";
import { ApiError } from "./api-error.ts";
import { decodeBody } from "./decode-body.ts";
import { readBody } from "./read-body.ts";
import { checkGroups, groupJson, RouterGroupBody, readGroup } from "./router-group.ts";
import { demand } from "./tokens.ts";

const portsWarning =
  "Warning%3A+if+routes+are+registered+for+ports+that+are+not+in+the+new+range%2C+modifying+your+load+balancer+to+remove+these+ports+will+result+in+backends+for+those+routes+becoming+inaccessible.";

async function permitted(api: Api, { request }: Call, action: "read" | "write"): Promise<void> {
  demand(await api.authenticate(request.headers.get("Authorization")), `routing.router_groups.${action}`);
}

async function asked(api: Api, { request, log }: Call, session: string) {
  const [object] = decodeBody(await readBody(request, api.limits, api.clock), "RouterGroup", RouterGroupBody, false);
  log.part(session).info("request", { router_group: object });
  return readGroup(object ?? {});
}

/** `GET /routing/v1/router_groups[?name=N]` (routing-api §8.2). */
export const listGroups: Handler = async (api, call) => {
  await permitted(api, call, "read");
  const name = queryOf(call.request).get("name") ?? "";
  // The lock must not look like a group that does not exist (docs/differences.md).
  api.locks.demandReads();
  const groups = await api.store.groups();
  if (name === "") return jsonAnswer(200, `[${groups.map(groupJson).join(",")}]`);
  const found = groups.filter((group) => group.name === name);
  if (found.length === 0) throw new ApiError(404, "ResourceNotFoundError", `router group '${name}' not found`);
  return jsonAnswer(200, `[${found.map(groupJson).join(",")}]`);
};

/** `POST /routing/v1/router_groups`. */
export const createGroup: Handler = async (api, call) => {
  await permitted(api, call, "write");
  const wanted = { guid: api.uuid(), ...(await asked(api, call, "create-router-group")) };
  api.locks.demandWrites();
  const { group, added } = await api.store.addGroup(wanted, (all) => checkGroups(all, api.reservedPorts));
  return answer(added ? 201 : 200, groupJson(group));
};

/** `PUT /routing/v1/router_groups/:guid`: only the ports count. */
export const updateGroup: Handler = async (api, call) => {
  await permitted(api, call, "write");
  const { reservablePorts } = await asked(api, call, "update-router-group");
  api.locks.demandReads();
  const group = await api.store.changeGroup(call.guid, reservablePorts, (changed) => {
    api.locks.demandWrites();
    checkGroups([changed], api.reservedPorts);
  });
  if (group === undefined)
    throw new ApiError(404, "ResourceNotFoundError", `router group '${call.guid}' does not exist`);
  const response = jsonAnswer(200, groupJson(group));
  response.headers.set("X-Cf-Warnings", portsWarning);
  return response;
};

/** `DELETE /routing/v1/router_groups/:guid`. */
export const deleteGroup: Handler = async (api, call) => {
  await permitted(api, call, "write");
  api.locks.demandWrites();
  if (await api.store.removeGroup(call.guid)) return emptyAnswer(204);
  throw new ApiError(404, "ResourceNotFoundError", `router group '${call.guid}' does not exist`);
};
