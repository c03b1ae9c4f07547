"use strict";

function element(tag, text, className) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function table(rows) {
  const made = element("table");
  for (const [name, text] of rows) {
    const row = made.insertRow();
    row.insertCell().append(element("code", name));
    row.insertCell().textContent = text;
  }
  return made;
}

function typeOf(schema) {
  if (!schema) return "";
  if (schema.$ref) return schema.$ref.split("/").pop();
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((one) => JSON.stringify(one)).join(" or ");
  const types = [].concat(schema.type ?? "any JSON").join(" or ");
  return schema.format ? `${types}, ${schema.format}` : types;
}

function attributes(into, title, content) {
  const schema = Object.values(content ?? {}).map((one) => one.schema?.properties?.data).find(Boolean);
  const resource = schema?.items ?? schema?.oneOf?.[0] ?? schema;
  const described = resource?.properties?.attributes;
  for (const kind of described?.oneOf ?? [described]) {
    const rows = Object.entries(kind?.properties ?? {}).map(([name, type]) => [name, typeOf(type)]);
    section(into, kind?.title ? `${title}: ${kind.title}` : title, rows);
  }
}

function section(into, title, rows) {
  if (rows.length) into.append(element("h2", title), table(rows));
}

function route(path, method, operation) {
  const made = element("details");
  const summary = element("summary");
  summary.append(element("span", method.toUpperCase(), "method"), element("code", path), element("span", `  ${operation.summary ?? ""}`));
  const body = element("div");
  body.append(element("p", operation.description ?? ""));
  section(body, "Parameters", (operation.parameters ?? []).map((one) => [one.name, one.description ?? typeOf(one.schema)]));
  attributes(body, "Attributes sent", operation.requestBody?.content);
  section(body, "Answers", Object.entries(operation.responses ?? {}).map(([status, answer]) => [status, answer.description ?? ""]));
  attributes(body, "Attributes", (operation.responses?.["200"] ?? operation.responses?.["201"])?.content);
  made.append(summary, body);
  return made;
}

async function show() {
  const routes = document.getElementById("routes");
  const answer = await fetch("openapi.json");
  if (!answer.ok) {
    routes.textContent = `openapi.json can't be read: ${answer.status}`;
    return;
  }
  const description = await answer.json();
  document.getElementById("summary").textContent = `${description.info.summary ?? ""} Version ${description.info.version}.`;
  for (const [path, operations] of Object.entries(description.paths)) {
    for (const [method, operation] of Object.entries(operations)) {
      if (method !== "head") routes.append(route(path, method, operation));
    }
  }
}

show();
