// Writes validator.tsv: the verdict of npm 3d-tiles-validator over every file of the sample data.
// Usage: node make-table.mjs VALIDATOR_PACKAGE_FOLDER DATA_FOLDER > validator.tsv   (see README.md)
import { createRequire } from "node:module";
import fs from "node:fs";
import path from "node:path";

const [packageFolder, dataFolder] = process.argv.slice(2).map((p) => path.resolve(p));
const require = createRequire(path.join(packageFolder, "package.json"));
const load = (name) => require(path.join(packageFolder, "build", name));
const { Validators } = load("validation/Validators");
const { ValidationContext } = load("validation/ValidationContext");
const { BinaryBufferStructureValidator } = load("validation/BinaryBufferStructureValidator");
const { PropertyTableValidator } = load("validation/metadata/PropertyTableValidator");
const { GltfExtensionValidators } = load("validation/gltf/GltfExtensionValidators");
const { ResourceResolvers } = require("3d-tiles-tools");

const json = (file) => JSON.parse(fs.readFileSync(path.join(dataFolder, file), "utf8"));
const subtreeTiling = json("subtrees/validSubtreeImplicitTiling.json.input");
const subtreeSchema = json("schemas/validSchema.json");
const tableSchema = json("schemas/FullMetadataSchema.json");

const contextOf = (file) => {
  const directory = path.dirname(path.join(dataFolder, file));
  return new ValidationContext(directory, ResourceResolvers.createFileResourceResolver(directory));
};

const readers = {
  tileset: (file) => Validators.validateTilesetFile(path.join(dataFolder, file)),
  package: (file) => Validators.validateTilesetFile(path.join(dataFolder, file)),
  schema: (file) => Validators.validateSchemaFile(path.join(dataFolder, file)),
  content: (file) => Validators.validateTileContentFile(path.join(dataFolder, file)),
  // As the validator's own specifications read them: one tiling and one schema for all loose subtrees.
  subtree: (file) =>
    Validators.validateSubtreeFile(
      path.join(dataFolder, file),
      { wasPresent: true, validatedElement: subtreeSchema },
      subtreeTiling
    ),
  buffers: async (file) => {
    const context = contextOf(file);
    const { buffers, bufferViews } = json(file);
    BinaryBufferStructureValidator.validateBinaryBufferStructure("", buffers, bufferViews, true, context);
    return context.getResult();
  },
  "property-table": async (file) => {
    const context = contextOf(file);
    PropertyTableValidator.validatePropertyTable("", json(file).propertyTables[0], 2, tableSchema, context);
    return context.getResult();
  },
  // Only the extensions of a glTF, without the base format.
  "gltf-extensions": async (file) => {
    const context = contextOf(file);
    const bytes = fs.readFileSync(path.join(dataFolder, file));
    await GltfExtensionValidators.validateGltfExtensions(file, bytes, context);
    return context.getResult();
  },
};

function kindsOf(file) {
  const extension = path.extname(file).toLowerCase();
  if ([".3tz", ".3dtiles"].includes(extension)) return ["package"];
  if ([".b3dm", ".i3dm", ".pnts", ".cmpt", ".geojson", ".geom", ".vctr"].includes(extension)) return ["content"];
  if ([".gltf", ".glb"].includes(extension)) {
    return file.startsWith("gltfExtensions/") ? ["content", "gltf-extensions"] : ["content"];
  }
  if (file.startsWith("subtrees/") && [".json", ".subtree"].includes(extension)) return ["subtree"];
  if (extension !== ".json") return [];
  if (file.startsWith("schemas/")) return ["schema"];
  if (file.startsWith("buffers/")) return ["buffers"];
  if (file.startsWith("propertyTables/")) return ["property-table"];
  // The subtrees of a sample are judged with their tileset.
  if (file.startsWith("Samples/") && file.includes("/subtrees/")) return [];
  // What a JSON file holds tells what it is: schemas lie beside the tilesets that refer to them.
  const keys = contentKeys(file);
  return ["asset", "root", "geometricError"].some((k) => keys.includes(k)) ? ["tileset"] : ["schema"];
}

function contentKeys(file) {
  try {
    return Object.keys(json(file));
  } catch {
    return ["root"];
  }
}

function types(issues, found) {
  for (const issue of issues) {
    if (issue.causes?.length) types(issue.causes, found);
    else found.add(issue.type);
  }
  return found;
}

const files = fs
  .readdirSync(dataFolder, { recursive: true })
  .map((f) => f.split(path.sep).join("/"))
  .filter((f) => fs.statSync(path.join(dataFolder, f)).isFile())
  .sort();

// What the validator prints while it works is no part of the table.
for (const name of ["log", "info", "warn", "error"]) console[name] = () => {};

process.stdout.write("path\tread_as\tverdict\tissues\n");
for (const file of files) {
  for (const kind of kindsOf(file)) {
    let verdict;
    let issues = [];
    try {
      const result = await readers[kind](file);
      issues = result.toJson().issues ?? [];
      verdict = result.numErrors > 0 ? "invalid" : result.numWarnings > 0 ? "warnings" : "valid";
    } catch (error) {
      verdict = "threw";
      issues = [{ type: String(error.message).split("\n")[0].replaceAll("\t", " ").replaceAll(dataFolder, "") }];
    }
    process.stdout.write([file, kind, verdict, [...types(issues, new Set())].sort().join(",")].join("\t") + "\n");
  }
}
