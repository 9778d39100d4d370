#include "pipeline/shard_writer.hpp"

#include <filesystem>
#include <utility>

#include "base/sha256.hpp"

namespace asterism {
namespace {

Result<ShardFile> describe(const std::filesystem::path& path) {
  std::error_code error;
  const auto size_bytes = std::filesystem::file_size(path, error);
  auto digest = sha256_file(path);
  if (!digest) {
    return std::unexpected(digest.error());
  }
  return ShardFile{.name = path.filename().string(), .size_bytes = size_bytes, .sha256 = std::move(*digest)};
}

class ShardWriter final : public WindowSink {
 public:
  ShardWriter(const JobFiles& files, Manifest& manifest, std::vector<EmbeddingOutput> outputs)
      : files_(files), manifest_(manifest), outputs_(std::move(outputs)) {}

  Result<void> append(const EncodedWindow& window) override {
    if (vectors_.empty()) {
      if (auto opened = open(window); !opened) {
        return opened;
      }
    }
    for (const auto& vectors : vectors_) {
      if (auto written = vectors->append(window.rows, window.values); !written) {
        return written;
      }
    }
    if (auto written = rows_->append(window.rows); !written) {
      return written;
    }
    return window.shard_end ? commit(window) : Result<void>{};
  }

 private:
  Result<void> open(const EncodedWindow& window) {
    std::vector<std::unique_ptr<VectorWriter>> writers;
    const std::vector<std::filesystem::path> paths = files_.vectors(window.shard);
    for (std::size_t i = 0; i < paths.size(); ++i) {
      VectorWriterOptions options{.format = manifest_.job.vector_format,
                                  .dim = manifest_.job.dim,
                                  .row_first = window.row_first,
                                  .outputs = outputs_};
      if (!files_.parts.empty()) {
        options.outputs.assign(1, outputs_[i]);
      }
      auto vectors = create_vector_writer(paths[i], options);
      if (!vectors) {
        return std::unexpected(vectors.error());
      }
      writers.push_back(std::move(*vectors));
    }
    auto rows = RowsWriter::create(files_.rows(window.shard), window.row_first);
    if (!rows) {
      return std::unexpected(rows.error());
    }
    vectors_ = std::move(writers);
    rows_ = std::move(*rows);
    row_first_ = window.row_first;
    return {};
  }

  Result<void> commit(const EncodedWindow& window) {
    ShardEntry entry{.row_first = row_first_,
                     .summary = rows_->summary(),
                     .begin = window.shard_end->begin,
                     .end = window.shard_end->end,
                     .rows_sha256 = window.shard_end->rows_sha256,
                     .vectors = {},
                     .rows = {}};
    // Rows first: where the vectors stand under their name, everything does.
    if (auto committed = rows_->commit(); !committed) {
      return committed;
    }
    for (const auto& vectors : vectors_) {
      if (auto committed = vectors->commit(); !committed) {
        return committed;
      }
    }
    vectors_.clear();
    rows_.reset();
    return files_.sharded ? list(std::move(entry), window) : keep(std::move(entry));
  }

  Result<void> keep(ShardEntry entry) {
    manifest_.shards.assign(1, std::move(entry));
    return {};
  }

  Result<void> list(ShardEntry entry, const EncodedWindow& window) {
    for (const std::filesystem::path& path : files_.vectors(window.shard)) {
      auto vectors = describe(path);
      if (!vectors) {
        return std::unexpected(vectors.error());
      }
      entry.vectors.push_back(std::move(*vectors));
    }
    auto rows = describe(files_.rows(window.shard));
    if (!rows) {
      return std::unexpected(rows.error());
    }
    entry.rows = std::move(*rows);
    if (window.shard < manifest_.shards.size()) {
      manifest_.shards[window.shard] = std::move(entry);
    } else {
      manifest_.shards.push_back(std::move(entry));
    }
    manifest_.complete = manifest_.complete || window.shard_end->last;
    return write_manifest(files_.manifest(), manifest_);
  }

  const JobFiles& files_;
  Manifest& manifest_;
  std::vector<EmbeddingOutput> outputs_;
  std::vector<std::unique_ptr<VectorWriter>> vectors_;  // of the open shard, one a file
  std::optional<RowsWriter> rows_;
  std::uint64_t row_first_ = 0;
};

class StreamSink final : public WindowSink {
 public:
  StreamSink(int descriptor, Manifest& manifest, std::vector<EmbeddingOutput> outputs)
      : manifest_(manifest),
        vectors_(make_stream_vector_writer(
            descriptor,
            {.format = VectorFormat::kJsonl, .dim = manifest.job.dim, .row_first = 0, .outputs = std::move(outputs)})) {
    manifest_.shards.resize(1);
  }

  Result<void> append(const EncodedWindow& window) override {
    RowsSummary& summary = manifest_.shards.front().summary;
    for (const RowOutcome& row : window.rows) {
      summary.add(row);
    }
    return vectors_->append(window.rows, window.values);
  }

 private:
  Manifest& manifest_;
  std::unique_ptr<VectorWriter> vectors_;
};

}  // namespace

std::unique_ptr<WindowSink> make_shard_writer(const JobFiles& files, Manifest& manifest,
                                              std::vector<EmbeddingOutput> outputs) {
  return std::make_unique<ShardWriter>(files, manifest, std::move(outputs));
}

std::unique_ptr<WindowSink> make_stream_sink(int descriptor, Manifest& manifest, std::vector<EmbeddingOutput> outputs) {
  return std::make_unique<StreamSink>(descriptor, manifest, std::move(outputs));
}

}  // namespace asterism
