// Writes tiles.tsv: the verdict of npm 3d-tiles-validator over the files of the sample data.
// Usage: node make-table.mjs VALIDATOR_PACKAGE_FOLDER TILES_FOLDER > tiles.tsv   (see README.md)
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
const subtreeTiling = json("validator/data/subtrees/validSubtreeImplicitTiling.json.input");
const subtreeSchema = json("validator/data/schemas/validSchema.json");
const tableSchema = json("validator/data/schemas/FullMetadataSchema.json");

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
    // As the validator's own specifications do: consistency is looked at once the structure is fine.
    if (BinaryBufferStructureValidator.validateBinaryBufferStructure("", buffers, bufferViews, true, context)) {
      BinaryBufferStructureValidator.validateBinaryBufferStructureConsistency("", { buffers, bufferViews }, context);
    }
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

function kindsOf(tilesFile) {
  const file = tilesFile.replace("validator/data/", "");
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
  if (file.includes("/subtrees/")) return [];
  // What a JSON file holds tells what it is: schemas lie beside the tilesets that refer to them.
  const keys = contentKeys(tilesFile);
  if (["asset", "root", "geometricError"].some((k) => keys.includes(k))) return ["tileset"];
  return ["classes", "enums"].some((k) => keys.includes(k)) ? ["schema"] : [];
}

function contentKeys(file) {
  try {
    return Object.keys(json(file));
  } catch {
    return ["root"];
  }
}

/** The issues that are no mere summary of others. */
function leaves(issues) {
  return issues.flatMap((issue) => (issue.causes?.length ? leaves(issue.causes) : [issue]));
}

const isFileName = (step) => /\.[0-9]?[a-zA-Z][a-zA-Z0-9]*$/.test(step);

/** Where in their files the errors lie: the last two steps behind the name of the file. */
function places(issues) {
  const ends = issues
    .filter((issue) => issue.severity === "ERROR")
    .map((issue) => String(issue.path ?? "").split(/[/[\]]+/).filter((step) => step))
    .map((steps) => steps.slice(steps.findLastIndex(isFileName) + 1).slice(-2).join("/"));
  return [...new Set(ends.filter((end) => end))].slice(0, 4);
}

const files = ["dingo-gap", "guangdong", "3d-tiles-samples", "validator"]
  .flatMap((folder) => fs.readdirSync(path.join(dataFolder, folder), { recursive: true }).map((f) => path.join(folder, f)))
  .map((f) => f.split(path.sep).join("/"))
  .filter((f) => fs.statSync(path.join(dataFolder, f)).isFile())
  .sort();

// What the validator prints while it works is no part of the table.
for (const name of ["log", "info", "warn", "error"]) console[name] = () => {};

process.stdout.write("path\tread_as\tverdict\tissues\tplaces\n");
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
    const met = leaves(issues);
    const types = [...new Set(met.map((issue) => issue.type))].sort();
    process.stdout.write([file, kind, verdict, types.join(","), places(met).join(",")].join("\t") + "\n");
  }
}
