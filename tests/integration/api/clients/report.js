"use strict";
// What both programs do with a client of npm: everything that test_clients.py asks of every client, told as JSON.

const { NAMESPACE: namespace } = process.env;

async function report(jsonApi) {
  const told = { pages: [] };
  const asked = { filter: { namespace }, sort: "name", page: { size: 2 } };
  for (let number = 1, more = true; more; number += 1) {
    const page = await jsonApi.findAll("task", { ...asked, page: { ...asked.page, number } });
    told.pages.push(page.data.map((task) => task.name));
    more = page.links.next !== null;
  }
  const sent = {
    name: "made_here", namespace, schedule: "@daily", action_name: "http", is_active: false, attributes: { days_old: 30 },
  };
  const { data: made } = await jsonApi.create("task", sent);
  told.created = [made.name, made.attributes];
  told.read = (await jsonApi.find("task", made.id)).data.description;
  const { data: changed } = await jsonApi.update("task", { id: made.id, schedule: "@every 2h" });
  told.updated = [changed.schedule, changed.name];
  const query = JSON.stringify([{ column: "schedule", operator: "is", value: "@every 2h" }]);
  told.filtered = (await jsonApi.findAll("task", { filter: { namespace }, query })).data.map((task) => task.name);
  await jsonApi.destroy("task", made.id);
  told.deleted = await jsonApi.find("task", made.id).catch(understood);
  told.timeline = (await jsonApi.findAll("timeline", { filter: { namespace }, sort: "created_at" })).data.map((row) => [row.title, row.kind]);
  told.error = await jsonApi.create("task", { ...sent, schedule: "0 0 31 2 *" }).catch(understood);
  process.stdout.write(JSON.stringify(told));
}

// devour-client keeps title and detail of each error of a document
function understood(errors) {
  const [found] = Object.values(errors);
  return [found.title, found.detail];
}

function defineModels(jsonApi) {
  jsonApi.define("task", {
    name: "", namespace: "", schedule: "", action_name: "", is_active: "", attributes: "", description: "",
  });
  jsonApi.define("timeline", { title: "", kind: "" });
}

module.exports = { report, defineModels };
