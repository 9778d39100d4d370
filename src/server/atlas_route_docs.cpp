#include "server/atlas_route_docs.hpp"

#include <utility>

namespace asterism::server::atlas_docs {
namespace {

constexpr std::string_view kJsonType = "application/json";
constexpr std::string_view kBytesType = "application/octet-stream";

// What all share; the snapshot is part of every question but that for the manifest, and of a version its name.
RouteDoc doc(std::string_view summary, std::vector<std::string_view> parameters, AnswerDoc answer) {
  RouteDoc out{.tag = "Atlas",
               .summary = summary,
               .parameters = {"CollectionName", "QuerySnapshot", "QueryVersion"},
               .answers = {std::move(answer)},
               .errors = {404, 409, 422, 429, 500}};
  out.parameters.insert(out.parameters.end(), parameters.begin(), parameters.end());
  return out;
}

AnswerDoc answer(std::string_view description, std::string_view type, std::string_view schema = {}) {
  return {.status = 200, .description = description, .contents = {{type, schema}}};
}

AnswerDoc working() {
  return {.status = 202, .description = "It is being worked out: ask again", .contents = {{kJsonType, "AtlasWork"}}};
}

constexpr std::string_view kExportDescription =
    "CSV and Parquet: id, text, metadata and, with a projection, its places; Parquet has the vectors too. projector: a "
    "zip of the files that TensorBoard's projector reads, of at most 50,000 rows.";

AnswerDoc tables() {
  return {.status = 200,
          .description = "The file; items that were deleted since the snapshot are left out",
          .contents = {{"text/csv", "AtlasCsv"}, {"application/vnd.apache.parquet", {}}, {"application/zip", {}}}};
}

RouteDoc with_entity_tag(RouteDoc out) {
  out.answers.front().headers = {"etag"};
  out.answers.push_back({.status = 304, .description = "As If-None-Match says", .contents = {}});
  return out;
}

}  // namespace

RouteDoc manifest() {
  RouteDoc out = doc("What an atlas shows", {}, answer("Its snapshot, maps and columns", kJsonType, "AtlasManifest"));
  out.description =
      "Without a snapshot the collection is read as it is now, and a map is made where there is none. With one: "
      "whether "
      "that snapshot is still what the collection is.";
  out.answers.push_back(working());
  return out;
}

RouteDoc points() {
  RouteDoc out = doc("Where the rows are on a map", {"ProjectionName"},
                     answer("float32, little-endian, [rows, dim]; NaN where a row has no place", kBytesType));
  return with_entity_tag(std::move(out));
}

RouteDoc column() {
  RouteDoc out =
      doc("A column of the metadata", {"AtlasColumnName"},
          answer("Of categories uint16 codes (0xFFFE: one of the rare ones, 0xFFFF: missing), of numbers and "
                 "dates (milliseconds since 1970) float64 (NaN: missing), little-endian",
                 kBytesType));
  return with_entity_tag(std::move(out));
}

RouteDoc distortion() {
  RouteDoc out = doc("How far neighbourhoods on a map are those of the vectors", {"ProjectionName"},
                     answer("float32, little-endian, [rows, 2]: trust and continuity of each row, 1 is best; NaN where "
                            "it was not measured",
                            kBytesType));
  out = with_entity_tag(std::move(out));
  out.answers.push_back(working());
  return out;
}

RouteDoc labels() {
  RouteDoc out =
      doc("Names of the regions of a map", {"ProjectionName"}, answer("From coarse to fine", kJsonType, "AtlasLabels"));
  out.answers.push_back(working());
  return out;
}

RouteDoc ids() {
  return with_entity_tag(
      doc("The ids of all rows", {},
          answer("uint32, little-endian, [rows + 1]: where each id begins in the bytes that follow, and the end; "
                 "then all ids one after the other",
                 kBytesType)));
}

RouteDoc series() {
  RouteDoc out{
      .tag = "Atlas",
      .summary = "Lay out versions of a collection one from the other",
      .description =
          "Of each a map is kept, so that what two steps share keeps its place: a page moves through them. "
          "Without versions all named ones, the oldest first, and what is there now if that is something else.",
      .parameters = {"CollectionName"},
      .answers = {answer("The steps", kJsonType, "AtlasSeries")},
      .errors = {404, 422, 429, 500}};
  out.bodies = {{kJsonType, "AtlasSeriesRequest"}};
  out.answers.push_back(working());
  return out;
}

RouteDoc items() {
  RouteDoc out = doc("Items of rows", {"AtlasRows"}, answer("In the order of the rows", kJsonType, "AtlasItems"));
  out.errors.push_back(413);
  return out;
}

RouteDoc find() {
  RouteDoc out = doc("Rows whose text or id holds a text", {}, answer("In their order", kJsonType, "AtlasRowList"));
  out.bodies = {{kJsonType, "AtlasFindRequest"}};
  return out;
}

RouteDoc thumbnail() {
  return doc("A small picture of a row", {"AtlasRow", "ThumbnailSize"},
             answer("No edge longer than the size", "image/jpeg"));
}

RouteDoc sprite() {
  RouteDoc out = doc("1,024 small pictures at once", {"SpriteIndex", "SpriteSize"},
                     answer("Squares in a grid of 32 by 32, row by row", "image/jpeg"));
  out.description = "Of rows 1,024 times the index and on, each cut to a square; grey where there is no picture.";
  return out;
}

RouteDoc neighbors() {
  RouteDoc out = doc("What is near a row", {"QueryRow", "NeighborCount", "QueryProjection"},
                     answer("In the vectors; with a projection on the map too", kJsonType, "AtlasNeighbors"));
  out.description = "A neighbour on the map is false where it is not among the nearest 100 in the vectors.";
  out.errors.push_back(413);
  return out;
}

RouteDoc search() {
  RouteDoc out = doc("Rows that are like a text, a picture, a sum of texts or a row", {},
                     answer("The nearest first", kJsonType, "AtlasResults"));
  out.bodies = {{kJsonType, "AtlasSearchRequest"}};
  out.errors.push_back(424);
  return out;
}

RouteDoc copy() {
  RouteDoc out = doc("A new collection of some rows", {},
                     {.status = 201, .description = "Vectors were copied", .contents = {{kJsonType, "AtlasCopied"}}});
  out.description = "What was deleted since the snapshot is left out.";
  out.bodies = {{kJsonType, "AtlasCopyRequest"}};
  return out;
}

RouteDoc export_all() {
  RouteDoc out = doc("The rows as a file", {"ExportFormat", "QueryProjection", "ExportRows"}, tables());
  out.description = kExportDescription;
  return out;
}

RouteDoc export_rows() {
  RouteDoc out = doc("Rows of a long list as a file", {}, tables());
  out.description = kExportDescription;
  out.bodies = {{kJsonType, "AtlasExportRequest"}};
  return out;
}

RouteDoc page() {
  return {.tag = "Atlas",
          .summary = "The page that shows an atlas",
          .description = "Nothing of it comes from elsewhere.",
          .answers = {answer("HTML", "text/html", "AtlasPage")},
          .errors = {404, 422}};
}

}  // namespace asterism::server::atlas_docs
