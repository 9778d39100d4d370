// The manifest of a sharded job: what it was asked to do, and which shards are complete.
//
// Written whole and atomically before the first shard and after each one, so it is never ahead of the files. JSON:
//   {"format": "asterism-embed-manifest", "version": 2, "complete": bool,
//    "job": {"settings": {...}, "dim", "vector_format", "shard_row_count", "text_format", "column", "id_column",
//            "inputs": [{"path", "seekable", "size_bytes", "mtime_ns"}]},
//    "shards": [{"row_first", "row_count", "failed", "truncated", "tokens", "begin", "end": {"input", "byte", "line",
//                "files"}, "rows_sha256", "vectors": [{"file", "size_bytes", "sha256"}], "rows": {the same}}]}
// "begin" and "end" are places in the inputs, so that a resumed run can go on without reading what is done;
// "rows_sha256" is over the shard's payloads, ids and failures (RowsHash), for inputs that cannot be trusted to be the
// same.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "asterism/error.hpp"
#include "dataset/row_reader.hpp"
#include "dataset/rows_writer.hpp"
#include "dataset/text_reader.hpp"
#include "dataset/vector_writer.hpp"
#include "pipeline/embed_job.hpp"

namespace asterism {

struct JobDescription {
  JobSettings settings;
  std::size_t dim = 0;
  VectorFormat vector_format = VectorFormat::kNpy;
  std::uint64_t shard_row_count = 0;
  TextFormat text_format = TextFormat::kAuto;
  std::string column;
  std::string id_column;
  std::vector<InputInfo> inputs;
};

struct ShardFile {
  std::string name;  // in the manifest's folder
  std::uint64_t size_bytes = 0;
  std::string sha256;
};

struct ShardEntry {
  std::uint64_t row_first = 0;
  RowsSummary summary;
  RowMark begin;
  RowMark end;
  std::string rows_sha256;
  std::vector<ShardFile> vectors;  // one, or one an output
  ShardFile rows;
};

struct Manifest {
  JobDescription job;
  std::vector<ShardEntry> shards;  // consecutive, from row 0
  bool complete = false;           // the last shard ends where the inputs end
};

Result<void> write_manifest(const std::filesystem::path& path, const Manifest& manifest);

// Nullopt when there is no such file. kCorrupt when it is not a manifest or contradicts itself.
Result<std::optional<Manifest>> read_manifest(const std::filesystem::path& path);

// kMismatch that names every difference. An input whose time of change alone differs is not one: its rows are compared.
Result<void> expect_same_job(const std::filesystem::path& path, const JobDescription& before,
                             const JobDescription& asked);

// True when every input is a regular file that has not changed since, or a folder, whose marks are checked on the way.
bool inputs_unchanged(const JobDescription& before, const JobDescription& now);

}  // namespace asterism
