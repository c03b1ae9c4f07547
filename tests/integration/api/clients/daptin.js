"use strict";
// Daptin's own client: it asks for /meta at its start, and talks JSON:API through a devour-client of its own.
const { DaptinClient } = require("daptin-client");
const { report, defineModels } = require("./report.js");

const daptin = new DaptinClient(process.env.URL, false, { getToken: () => process.env.TOKEN });
defineModels(daptin.jsonApi);
daptin.worldManager.init().then((columns) => {
  if (columns.task.schedule.type !== "text") throw new Error("no column types");
  return report(daptin.jsonApi);
});
