import { startPostgres } from "../fixtures/databases.ts";
import { databaseTests } from "./harness/routing-api-database.ts";

databaseTests("postgres", startPostgres);
