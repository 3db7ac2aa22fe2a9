import { startMariadb } from "../fixtures/databases.ts";
import { databaseTests } from "./harness/routing-api-database.ts";

databaseTests("mysql", startMariadb);
