#include "service/cluster.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <set>
#include <utility>

#include "analysis/hdbscan.hpp"
#include "analysis/kmeans.hpp"
#include "analysis/typical_rows.hpp"
#include "base/ascii_case.hpp"
#include "base/file.hpp"
#include "base/json.hpp"
#include "base/thread_pool.hpp"
#include "base/utf8.hpp"
#include "base/writable.hpp"
#include "dataset/csv_cell.hpp"
#include "dataset/json_text.hpp"
#include "service/text_words.hpp"
#include "tokenizer/unicode.hpp"

namespace asterism::service {
namespace {

constexpr std::size_t kMinClusterSizeMin = 5;
constexpr std::size_t kRowsPerClusterMin = 200;  // one of so many rows is the least a cluster has, unless it is said
constexpr std::size_t kNameWordCount = 3;
// Items written at once.
constexpr std::size_t kKeptItemCount = 1000;

Result<ClusterMethod> method_of(const ClusterRequest& request) {
  const bool counted = request.cluster_count > 0;
  const bool dense = request.min_cluster_size > 0 || request.min_samples > 0 || request.leaf ||
                     request.tree != HdbscanOptions::Tree::kAuto;
  if (request.method == ClusterMethod::kKMeans && !counted) {
    return fail(ErrorCode::kInvalidArgument, "k-means: expected a number of clusters, found none",
                "say how many (-k 20), or let --method hdbscan find out");
  }
  if (request.method == ClusterMethod::kHdbscan && counted) {
    return fail(ErrorCode::kInvalidArgument, "hdbscan: finds the number of clusters itself, found one given",
                "leave out -k, or take --method kmeans");
  }
  if (counted && dense) {
    return fail(ErrorCode::kInvalidArgument, "k-means: has no least cluster size and no tree, found one given",
                "leave out -k, or what hdbscan alone knows");
  }
  if (request.method != ClusterMethod::kAuto) {
    return request.method;
  }
  return counted ? ClusterMethod::kKMeans : ClusterMethod::kHdbscan;
}

Result<void> run_kmeans(const ClusterRequest& request, const RowsView& rows, const AnalysisRun& run,
                        ClusterResponse& out) {
  const auto found = KMeans::fit(
      rows, {.cluster_count = request.cluster_count, .start_count = request.start_count, .seed = request.seed}, run);
  if (!found) {
    return std::unexpected(found.error());
  }
  out.labels.assign(found->labels().begin(), found->labels().end());
  out.inertia = found->inertia();
  out.clusters.resize(found->cluster_count());
  return {};
}

Result<void> run_hdbscan(const ClusterRequest& request, const RowsView& rows, const AnalysisRun& run,
                         ClusterResponse& out) {
  const std::size_t size = request.min_cluster_size > 0
                               ? request.min_cluster_size
                               : std::max(kMinClusterSizeMin, rows.row_count / kRowsPerClusterMin);
  auto found =
      hdbscan(rows,
              {.min_cluster_size = size,
               .min_samples = request.min_samples,
               .selection = request.leaf ? HdbscanOptions::Selection::kLeaf : HdbscanOptions::Selection::kExcessOfMass,
               .tree = request.tree},
              run);
  if (!found) {
    return std::unexpected(std::move(found.error()));
  }
  out.labels = std::move(found->labels);
  out.probabilities = std::move(found->probabilities);
  out.outlier_scores = std::move(found->outlier_scores);
  out.exact = found->exact;
  out.clusters.resize(found->cluster_count);
  return {};
}

// Numbers clusters anew: the one of most rows is 0, of equal ones that of the first row. Clusters without rows go.
void number_by_size(ClusterResponse& out) {
  struct Counted {
    std::size_t cluster = 0;
    std::size_t row_count = 0;
    std::size_t first_row = 0;
  };
  std::vector<Counted> counted(out.clusters.size());
  for (std::size_t r = out.labels.size(); r-- > 0;) {
    if (out.labels[r] < 0) {
      ++out.unclustered_count;
      continue;
    }
    Counted& of = counted[static_cast<std::size_t>(out.labels[r])];
    ++of.row_count;
    of.first_row = r;
  }
  for (std::size_t c = 0; c < counted.size(); ++c) {
    counted[c].cluster = c;
  }
  std::erase_if(counted, [](const Counted& of) { return of.row_count == 0; });
  std::ranges::sort(counted, [](const Counted& a, const Counted& b) {
    return a.row_count != b.row_count ? a.row_count > b.row_count : a.first_row < b.first_row;
  });
  std::vector<std::int32_t> numbers(out.clusters.size(), -1);
  out.clusters.assign(counted.size(), {});
  for (std::size_t i = 0; i < counted.size(); ++i) {
    numbers[counted[i].cluster] = static_cast<std::int32_t>(i);
    out.clusters[i].row_count = counted[i].row_count;
  }
  for (std::int32_t& label : out.labels) {
    label = label < 0 ? -1 : numbers[static_cast<std::size_t>(label)];
  }
}

// The words of a text; where a language writes none apart, every two characters that follow each other.
std::vector<std::string> label_words(std::string_view text) {
  std::vector<std::string> words;
  for (std::string& word : words_of(text)) {
    std::vector<std::string> characters;
    bool apart = true;
    for (std::size_t i = 0; i < word.size();) {
      const DecodedChar c = decode_utf8(word, i);
      apart = apart && !unicode::has_flag(c.code_point, unicode::kChinese);
      characters.push_back(word.substr(i, c.size_bytes));
      i += c.size_bytes;
    }
    for (std::size_t i = 0; !apart && i + 1 < characters.size(); ++i) {
      words.push_back(characters[i] + characters[i + 1]);
    }
    if (apart) {
      words.push_back(std::move(word));
    }
  }
  return words;
}

void find_words(const ClusterRequest& request, ClusterResponse& out) {
  ClusterWords counter(out.clusters.size(), request.words);
  for (std::size_t r = 0; r < out.rows.texts.size(); ++r) {
    const auto words = label_words(out.rows.texts[r]);
    out.text_count += out.rows.texts[r].empty() ? 0U : 1U;
    if (out.labels[r] < 0) {
      counter.add_outside(words);
    } else {
      counter.add(static_cast<std::size_t>(out.labels[r]), words);
    }
  }
  auto top = counter.top();
  for (std::size_t c = 0; c < out.clusters.size(); ++c) {
    out.clusters[c].words = std::move(top[c]);
  }
}

void name_clusters(std::vector<FoundCluster>& clusters) {
  std::set<std::string> taken;
  for (std::size_t c = 0; c < clusters.size(); ++c) {
    std::string name;
    for (std::size_t w = 0; w < std::min(kNameWordCount, clusters[c].words.size()); ++w) {
      name += (w == 0 ? "" : ", ") + clusters[c].words[w].word;
    }
    if (name.empty()) {
      name = fmt::format("cluster {}", c);
    }
    if (!taken.insert(name).second) {
      name += fmt::format(" ({})", c);
      taken.insert(name);
    }
    clusters[c].name = std::move(name);
  }
}

void find_typical(const ClusterRequest& request, ClusterResponse& out) {
  const auto order = rows_by_typicality(out.distances, out.labels, out.clusters.size());
  for (std::size_t c = 0; c < out.clusters.size(); ++c) {
    std::set<std::string_view> seen;
    for (const std::uint32_t row : order[c]) {
      if (out.clusters[c].typical.size() == request.typical_count) {
        break;
      }
      if (out.rows.texts.empty() || out.rows.texts[row].empty() || seen.insert(out.rows.texts[row]).second) {
        out.clusters[c].typical.push_back(row);
      }
    }
  }
}

CollectionTarget kept_in(const ClusterRequest& request) {
  CollectionTarget target = request.rows.collection;
  target.location = request.rows.input;
  return target;
}

// Writes the names into the items' metadata, some items at a time; each time durably.
class NameKeeper {
 public:
  NameKeeper(const ClusterRequest& request, const ClusterResponse& response) : request_(request), response_(response) {}

  Result<std::uint64_t> keep() {
    const CollectionTarget target = kept_in(request_);
    auto collection = open_for_writing(target);
    if (!collection) {
      return std::unexpected(std::move(collection.error()));
    }
    const auto& ids = response_.rows.ids;
    for (std::size_t begin = 0; begin < ids.size(); begin += kKeptItemCount) {
      if (target.cancel != nullptr && target.cancel->requested()) {
        return fail(ErrorCode::kCancelled, fmt::format("{}: stopped after {} items", request_.keep_column, kept_));
      }
      const std::size_t count = std::min(kKeptItemCount, ids.size() - begin);
      auto items = collection->get(std::span(ids).subspan(begin, count), {.data = true, .vector = true});
      if (!items) {
        return std::unexpected(std::move(items.error()));
      }
      if (auto kept = keep_some(*collection, begin, *items); !kept) {
        return std::unexpected(std::move(kept.error()));
      }
      if (request_.on_progress) {
        request_.on_progress("keeping names", begin + count, ids.size());
      }
    }
    return kept_;
  }

 private:
  Result<void> keep_some(Collection& collection, std::size_t begin, std::vector<std::optional<Item>>& items) {
    std::vector<Item> changed;
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (!items[i]) {
        continue;  // removed by somebody else meanwhile
      }
      auto metadata = parse_json(items[i]->metadata, items[i]->id);
      if (!metadata) {
        return std::unexpected(std::move(metadata.error()));
      }
      const std::int32_t label = response_.labels[begin + i];
      if (label < 0) {
        metadata->erase(request_.keep_column);
      } else {
        (*metadata)[request_.keep_column] = response_.clusters[static_cast<std::size_t>(label)].name;
      }
      items[i]->metadata = metadata->dump();
      changed.push_back(*std::move(items[i]));
    }
    const auto added = collection.add(changed);
    if (!added) {
      return std::unexpected(added.error());
    }
    kept_ += added->updated_count;
    return {};
  }

  const ClusterRequest& request_;
  const ClusterResponse& response_;
  std::uint64_t kept_ = 0;
};

// Before the clusters are sought: a collection that may only be read, or that another process writes to, is found here.
Result<void> check_keep(const ClusterRequest& request, const ClusterResponse& response) {
  if (request.keep_column.empty()) {
    return {};
  }
  if (!response.rows.collection) {
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("--keep {}: expected a collection, found the file {}", request.keep_column, request.rows.input),
        "write the clusters into a file instead (-o)");
  }
  if (!request.rows.collection.version.empty()) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("--keep {}: a named version does not change", request.keep_column));
  }
  const auto opened = open_for_writing(kept_in(request));
  return opened ? Result<void>{} : std::unexpected(opened.error());
}

}  // namespace

Result<ClusterResponse> cluster_rows(const ClusterRequest& request) {
  ClusterResponse out;
  const auto method = method_of(request);
  if (!method) {
    return std::unexpected(method.error());
  }
  out.method = *method;
  auto rows = open_analysis_rows(request.rows);
  if (!rows) {
    return std::unexpected(std::move(rows.error()));
  }
  out.rows = *std::move(rows);
  if (auto checked = check_keep(request, out); !checked) {
    return std::unexpected(std::move(checked.error()));
  }
  out.metric = compared_metric(out.rows, request.metric);
  const std::size_t threads = request.rows.collection.thread_count;
  ThreadPool pool(threads == 0 ? available_processor_count() : threads);
  const AnalysisRun run{.pool = pool, .cancel = request.rows.collection.cancel, .progress = request.on_progress};
  std::vector<float> scaled;
  const RowsView compared = compared_rows(out.rows, out.metric, scaled);
  const auto found = out.method == ClusterMethod::kKMeans ? run_kmeans(request, compared, run, out)
                                                          : run_hdbscan(request, compared, run, out);
  if (!found) {
    return std::unexpected(found.error());
  }
  number_by_size(out);
  out.distances = cluster_centers(compared, out.labels, out.clusters.size(), pool).distances;
  find_words(request, out);
  name_clusters(out.clusters);
  find_typical(request, out);
  if (!request.keep_column.empty()) {
    const auto kept = NameKeeper(request, out).keep();
    if (!kept) {
      return std::unexpected(kept.error());
    }
    out.kept_count = *kept;
  }
  return out;
}

namespace {

std::string row_csv(const ClusterResponse& response, std::size_t row) {
  const std::int32_t label = response.labels[row];
  std::string line = fmt::format("{},{}", response.rows.numbers[row], csv_cell(response.rows.ids[row]));
  if (label < 0) {
    line += ",,,";
  } else {
    line += fmt::format(",{},{},{}", label, csv_cell(response.clusters[static_cast<std::size_t>(label)].name),
                        response.distances[row]);
  }
  if (!response.probabilities.empty()) {
    line += fmt::format(",{},{}", static_cast<float>(response.probabilities[row]),
                        static_cast<float>(response.outlier_scores[row]));
  }
  return line + "\n";
}

std::string row_json(const ClusterResponse& response, std::size_t row) {
  const std::int32_t label = response.labels[row];
  std::string line = fmt::format("{{\"row\":{},\"id\":", response.rows.numbers[row]);
  append_json_string(line, response.rows.ids[row]);
  if (label < 0) {
    line += ",\"cluster\":null";
  } else {
    line += fmt::format(",\"cluster\":{},\"name\":", label);
    append_json_string(line, response.clusters[static_cast<std::size_t>(label)].name);
    line += fmt::format(",\"distance\":{}", response.distances[row]);
  }
  if (!response.probabilities.empty()) {
    line += fmt::format(",\"probability\":{},\"outlier_score\":{}", static_cast<float>(response.probabilities[row]),
                        static_cast<float>(response.outlier_scores[row]));
  }
  return line + "}\n";
}

}  // namespace

Result<void> check_cluster_rows_path(const std::string& path) {
  const std::string lower = ascii_lower(path);
  if (!lower.ends_with(".csv") && !lower.ends_with(".jsonl") && !lower.ends_with(".ndjson")) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: expected a name that ends in .jsonl, .ndjson or .csv", path));
  }
  return expect_writable(path);
}

Result<void> write_cluster_rows(const ClusterResponse& response, const std::string& path) {
  if (auto ok = check_cluster_rows_path(path); !ok) {
    return ok;
  }
  const bool csv = ascii_lower(path).ends_with(".csv");
  auto file = AtomicFile::create(path);
  if (!file) {
    return std::unexpected(std::move(file.error()));
  }
  Result<void> written;
  if (csv) {
    const bool dense = !response.probabilities.empty();
    written = file->write(fmt::format("row,id,cluster,name,distance{}\n", dense ? ",probability,outlier_score" : ""));
  }
  for (std::size_t r = 0; written && r < response.rows.row_count; ++r) {
    written = file->write(csv ? row_csv(response, r) : row_json(response, r));
  }
  return written ? file->commit() : written;
}

}  // namespace asterism::service
