"use strict";

let description;
const tokens = {};

function element(tag, text, className) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function resolved(schema) {
  if (!schema || !schema.$ref) return schema;
  return schema.$ref.split("/").slice(1).reduce((part, name) => part[name], description);
}

function table(rows) {
  const made = element("table");
  for (const [name, type, text] of rows) {
    const row = made.insertRow();
    row.insertCell().append(element("code", name));
    row.insertCell().append(element("code", type));
    row.insertCell().textContent = text ?? "";
  }
  return made;
}

function typeOf(written) {
  const schema = resolved(written);
  if (!schema) return "";
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.length > 12 ? "one of many" : schema.enum.map((one) => JSON.stringify(one)).join(" or ");
  const types = [].concat(schema.type ?? "any JSON").join(" or ");
  return schema.format ? `${types}, ${schema.format}` : types;
}

function section(into, title, rows) {
  if (rows.length) into.append(element("h3", title), table(rows));
}

function attributes(into, title, content) {
  const schema = Object.values(content ?? {}).map((one) => resolved(one.schema)?.properties?.data).find(Boolean);
  const data = resolved(schema);
  const resource = resolved(data?.items ?? data?.oneOf?.[0] ?? data);
  const described = resource?.properties?.attributes;
  for (const kind of described?.oneOf ?? [described]) {
    const rows = Object.entries(kind?.properties ?? {}).map(([name, type]) => [name, typeOf(type), resolved(type).description]);
    section(into, kind?.title ? `${title}: ${kind.title}` : title, rows);
  }
}

function exampleOf(parameter) {
  const value = parameter.example ?? Object.values(parameter.content ?? {})[0]?.example;
  if (value === undefined) return "";
  if (parameter.content) return JSON.stringify(value);
  return Array.isArray(value) ? value.join(",") : String(value);
}

function trial(path, method, operation) {
  const form = element("form");
  const fields = [];
  for (const parameter of operation.parameters ?? []) {
    const label = element("label", parameter.name);
    const input = element("input");
    input.placeholder = exampleOf(parameter);
    label.append(input);
    form.append(label);
    fields.push([parameter, input]);
  }
  const examples = Object.values(operation.requestBody?.content ?? {})[0]?.examples ?? {};
  let body;
  if (operation.requestBody) {
    const choice = element("select");
    for (const name of Object.keys(examples)) choice.append(element("option", name));
    body = element("textarea");
    const show = () => { body.value = JSON.stringify(examples[choice.value]?.value ?? {}, null, 2); };
    choice.addEventListener("change", show);
    form.append(choice, body);
    show();
  }
  const answer = element("pre");
  const send = element("button", "Send");
  send.type = "submit";
  form.append(send, answer);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    answer.textContent = "…";
    const query = new URLSearchParams();
    const headers = { Accept: "*/*" };
    let target = path;
    for (const [parameter, input] of fields) {
      if (!input.value) continue;
      if (parameter.in === "path") target = target.replace(`{${parameter.name}}`, encodeURIComponent(input.value));
      else if (parameter.in === "header") headers[parameter.name] = input.value;
      else query.append(parameter.name, input.value);
    }
    for (const scheme of (operation.security ?? []).flatMap(Object.keys)) {
      if (tokens[scheme]) headers.Authorization = `Bearer ${tokens[scheme]}`;
    }
    if (body) headers["Content-Type"] = Object.keys(operation.requestBody.content)[0];
    try {
      const response = await fetch(`.${target}${query.size ? `?${query}` : ""}`, { method: method.toUpperCase(), headers, body: body?.value });
      answer.textContent = `${response.status} ${response.statusText}\n`;
      await shown(response, answer);
    } catch (error) {
      answer.textContent = `The request has failed: ${error.message}`;
    }
  });
  return form;
}

async function shown(response, into) {
  if (response.headers.get("content-type")?.startsWith("text/event-stream")) {
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let part = await reader.read(); !part.done; part = await reader.read()) into.append(part.value);
    return;
  }
  const text = await response.text();
  try {
    into.append(JSON.stringify(JSON.parse(text), null, 2));
  } catch {
    into.append(text);
  }
}

function route(path, method, operation) {
  const made = element("details");
  const summary = element("summary");
  summary.append(element("span", method.toUpperCase(), "method"), element("code", path), element("span", `  ${operation.summary ?? ""}`));
  const body = element("div");
  body.append(element("p", operation.description ?? ""));
  section(body, "Parameters", (operation.parameters ?? []).map((one) => [one.name, typeOf(one.schema) || "JSON", one.description]));
  attributes(body, "Attributes sent", operation.requestBody?.content);
  section(body, "Answers", Object.entries(operation.responses ?? {}).map(([status, answer]) => [status, Object.keys(answer.content ?? {})[0] ?? "", answer.description]));
  attributes(body, "Attributes", (operation.responses?.["200"] ?? operation.responses?.["201"])?.content);
  body.append(element("h3", "Try it"), trial(path, method, operation));
  made.append(summary, body);
  return made;
}

function authorization(schemes) {
  const dialog = document.getElementById("authorize");
  const form = dialog.querySelector("form");
  const inputs = Object.entries(schemes).map(([name, scheme]) => {
    const label = element("label", name);
    const input = element("input");
    input.type = "password";
    input.autocomplete = "off";
    label.append(input, element("small", scheme.description));
    form.prepend(label);
    return [name, input];
  });
  const button = document.getElementById("open");
  button.addEventListener("click", () => dialog.showModal());
  form.addEventListener("submit", () => {
    for (const [name, input] of inputs) tokens[name] = input.value.trim();
    button.textContent = Object.values(tokens).some(Boolean) ? "Authorized" : "Authorize";
  });
}

async function show() {
  const routes = document.getElementById("routes");
  const answer = await fetch("openapi.json");
  if (!answer.ok) {
    routes.textContent = `openapi.json can't be read: ${answer.status}`;
    return;
  }
  description = await answer.json();
  document.getElementById("summary").textContent = `${description.info.summary ?? ""} Version ${description.info.version}.`;
  authorization(description.components.securitySchemes);
  const groups = new Map();
  for (const [path, operations] of Object.entries(description.paths)) {
    for (const [method, operation] of Object.entries(operations)) {
      if (method === "head") continue;
      const tag = operation.tags?.[0] ?? "";
      if (!groups.has(tag)) groups.set(tag, routes.appendChild(element("section")));
      const group = groups.get(tag);
      if (!group.children.length) group.append(element("h2", tag));
      group.append(route(path, method, operation));
    }
  }
}

show();
