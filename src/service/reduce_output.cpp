#include "service/reduce_output.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "base/ascii_case.hpp"
#include "base/file.hpp"
#include "dataset/csv_cell.hpp"
#include "dataset/vector_writer.hpp"

namespace asterism::service {
namespace {

constexpr std::size_t kRowsPerWrite = 4096;

bool is_csv(const std::string& path) {
  return ascii_lower(path).ends_with(".csv");
}

std::string csv_heading(std::size_t dim) {
  std::string heading = "row,id";
  for (std::size_t d = 0; d < dim; ++d) {
    heading += dim <= 3 ? fmt::format(",{}", "xyz"[d]) : fmt::format(",c{}", d);
  }
  return heading + '\n';
}

// Calls take(number, index among the kept rows or nothing) for every row of the input.
template <typename Take>
Result<void> for_each_row(const AnalysisRows& rows, const Take& take) {
  std::size_t kept = 0;
  for (std::uint64_t number = 0; number < rows.row_count + rows.left_out_count; ++number) {
    const bool is_kept = kept < rows.row_count && rows.numbers[kept] == number;
    if (auto ok = take(number, is_kept ? std::optional(kept) : std::nullopt); !ok) {
      return ok;
    }
    kept += is_kept ? 1 : 0;
  }
  return {};
}

Result<void> write_csv(const std::string& path, const AnalysisRows& rows, std::span<const float> places) {
  const std::size_t dim = places.size() / rows.row_count;
  auto file = AtomicFile::create(path);
  if (!file) {
    return std::unexpected(file.error());
  }
  if (auto ok = file->write(csv_heading(dim)); !ok) {
    return ok;
  }
  auto written = for_each_row(rows, [&](std::uint64_t number, std::optional<std::size_t> kept) {
    std::string line = fmt::format("{},{}", number, kept ? csv_cell(rows.ids[*kept]) : "");
    for (std::size_t d = 0; d < dim; ++d) {
      line += kept ? fmt::format(",{}", places[*kept * dim + d]) : ",";
    }
    return file->write(line + '\n');
  });
  return written ? file->commit() : written;
}

Result<void> write_vectors(const std::string& path, const AnalysisRows& rows, const std::string& input,
                           std::span<const float> places) {
  const std::size_t dim = places.size() / rows.row_count;
  auto writer = create_vector_writer(path, {.dim = dim});
  if (!writer) {
    return std::unexpected(writer.error());
  }
  std::vector<RowOutcome> outcomes;
  std::vector<float> values;
  const auto flush = [&] {
    auto ok = (*writer)->append(outcomes, values);
    outcomes.clear();
    values.clear();
    return ok;
  };
  auto written = for_each_row(rows, [&](std::uint64_t, std::optional<std::size_t> kept) -> Result<void> {
    RowOutcome outcome{.source = input};
    if (kept) {
      outcome.id = rows.ids[*kept];
      values.insert(values.end(), places.begin() + static_cast<std::ptrdiff_t>(*kept * dim),
                    places.begin() + static_cast<std::ptrdiff_t>((*kept + 1) * dim));
    } else {
      outcome.error = Error{ErrorCode::kInvalidArgument, "the row has no vector", {}};
      values.insert(values.end(), dim, std::numeric_limits<float>::quiet_NaN());
    }
    outcomes.push_back(std::move(outcome));
    return outcomes.size() == kRowsPerWrite ? flush() : Result<void>();
  });
  if (written && !outcomes.empty()) {
    written = flush();
  }
  return written ? (*writer)->commit() : written;
}

}  // namespace

Result<void> check_places_path(const std::string& path) {
  if (is_csv(path)) {
    return {};
  }
  const auto format = vector_format_of(path);
  if (!format) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: expected an output ending in .npy, .safetensors, .jsonl or .csv", path));
  }
  return {};
}

Result<void> write_places(const std::string& path, const AnalysisRows& rows, const std::string& input,
                          std::span<const float> places) {
  return is_csv(path) ? write_csv(path, rows, places) : write_vectors(path, rows, input, places);
}

}  // namespace asterism::service
