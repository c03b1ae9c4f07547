"use strict";
const JsonApi = require("devour-client").default ?? require("devour-client");
const { report, defineModels } = require("./report.js");

const jsonApi = new JsonApi({ apiUrl: `${process.env.URL}/api`, pluralize: false, logger: false, bearer: process.env.TOKEN });
defineModels(jsonApi);
report(jsonApi);
