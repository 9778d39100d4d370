#include "analysis/umap_start.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "analysis/pca.hpp"
#include "analysis/spectral_vectors.hpp"
#include "base/counter_random.hpp"

namespace asterism {
namespace {

constexpr double kExtent = 10.0;
constexpr double kNoise = 1e-4;
constexpr std::uint64_t kNoiseStream = 0x6e6f697365000001ULL;
constexpr std::uint64_t kPlaceStream = 0x706c616365000001ULL;

using Places = std::vector<double>;  // [row_count, dim]

double largest_magnitude(std::span<const double> values) {
  double largest = 0.0;
  for (const double v : values) {
    largest = std::max(largest, std::abs(v));
  }
  return largest;
}

Places random_places(std::size_t row_count, std::size_t dim, double extent, std::uint64_t seed) {
  const CounterRandom random(seed, kPlaceStream);
  Places places(row_count * dim);
  for (std::size_t i = 0; i < places.size(); ++i) {
    places[i] = extent * (2.0 * random.uniform(i) - 1.0);
  }
  return places;
}

// Scaled to `extent` at most, with noise.
void scale(Places& places, double extent, std::uint64_t seed) {
  const CounterRandom random(seed, kNoiseStream);
  const double largest = largest_magnitude(places);
  const double factor = largest > 0.0 ? extent / largest : 0.0;
  for (std::size_t i = 0; i < places.size(); ++i) {
    places[i] = places[i] * factor + kNoise * random.normal(i);
  }
}

// Principal components of the rows; empty where they are fewer than dim.
Result<Places> pca_places(const RowsView& rows, std::size_t dim, std::uint64_t seed, const AnalysisRun& run) {
  if (rows.row_count < 2 || std::min(rows.row_count, rows.dim) < dim) {
    return Places{};
  }
  const auto pca = Pca::fit(rows, {.count = dim, .seed = seed}, run);
  if (!pca) {
    return std::unexpected(pca.error());
  }
  const auto placed = pca->transform(rows);
  if (!placed) {
    return std::unexpected(placed.error());
  }
  return Places(placed->begin(), placed->end());
}

Result<Places> spectral_places(const SparseGraph& graph, std::size_t dim, std::uint64_t seed, const AnalysisRun& run) {
  const auto spectral = spectral_vectors(graph, {.vector_count = dim, .seed = seed}, run);
  if (!spectral) {
    return std::unexpected(spectral.error());
  }
  Places places(graph.row_count() * dim);
  for (std::size_t row = 0; row < graph.row_count(); ++row) {
    for (std::size_t c = 0; c < dim; ++c) {
      places[row * dim + c] = spectral->vectors[c * graph.row_count() + row];
    }
  }
  return places;
}

// The rows of one piece, and the graph among them.
struct Piece {
  std::vector<std::uint32_t> rows;
  SparseGraph graph;
};

std::vector<Piece> pieces_of(const SparseGraph& graph, std::span<const std::uint32_t> component) {
  std::vector<Piece> pieces(std::ranges::max(component) + 1);
  std::vector<std::uint32_t> number(component.size());
  for (std::uint32_t row = 0; row < component.size(); ++row) {
    auto& rows = pieces[component[row]].rows;
    number[row] = static_cast<std::uint32_t>(rows.size());
    rows.push_back(row);
  }
  for (Piece& piece : pieces) {
    for (const std::uint32_t row : piece.rows) {
      for (const std::uint32_t column : graph.columns_of(row)) {
        piece.graph.columns.push_back(number[column]);
      }
      piece.graph.weights.insert(piece.graph.weights.end(), graph.weights_of(row).begin(), graph.weights_of(row).end());
      piece.graph.begin.push_back(piece.graph.columns.size());
    }
  }
  return pieces;
}

// A place for each piece: along the axes while there are enough, else by the principal components of their means.
Result<Places> piece_places(const std::vector<Piece>& pieces, const RowsView& rows, std::size_t dim, std::uint64_t seed,
                            const AnalysisRun& run) {
  Places places(pieces.size() * dim, 0.0);
  if (pieces.size() <= 2 * dim) {
    for (std::size_t p = 0; p < pieces.size(); ++p) {
      places[p * dim + p % dim] = p < dim ? 1.0 : -1.0;
    }
    return places;
  }
  std::vector<float> means(pieces.size() * rows.dim);
  for (std::size_t p = 0; p < pieces.size(); ++p) {
    for (std::size_t d = 0; d < rows.dim; ++d) {
      double sum = 0.0;
      for (const std::uint32_t row : pieces[p].rows) {
        sum += static_cast<double>(rows.values[row * rows.dim + d]);
      }
      means[p * rows.dim + d] = static_cast<float>(sum / static_cast<double>(pieces[p].rows.size()));
    }
  }
  auto placed = pca_places({.values = means, .row_count = pieces.size(), .dim = rows.dim}, dim, seed, run);
  if (!placed) {
    return placed;
  }
  if (placed->empty()) {
    return random_places(pieces.size(), dim, 1.0, seed);
  }
  scale(*placed, 1.0, seed);
  return placed;
}

// Half of how far the nearest other piece is: what a piece may fill.
double room_of(std::size_t piece, const Places& centres, std::size_t dim) {
  double nearest = std::numeric_limits<double>::infinity();
  for (std::size_t other = 0; other < centres.size() / dim; ++other) {
    double square = 0.0;
    for (std::size_t c = 0; c < dim; ++c) {
      const double apart = centres[piece * dim + c] - centres[other * dim + c];
      square += apart * apart;
    }
    if (other != piece && square > 0.0) {
      nearest = std::min(nearest, square);
    }
  }
  return std::isinf(nearest) ? 1.0 : 0.5 * std::sqrt(nearest);
}

Result<Places> places_by_piece(const SparseGraph& graph, std::span<const std::uint32_t> component, const RowsView& rows,
                               std::size_t dim, std::uint64_t seed, const AnalysisRun& run) {
  const std::vector<Piece> pieces = pieces_of(graph, component);
  const auto centres = piece_places(pieces, rows, dim, seed, run);
  if (!centres) {
    return centres;
  }
  Places places(graph.row_count() * dim);
  for (std::size_t p = 0; p < pieces.size(); ++p) {
    const Piece& piece = pieces[p];
    const double room = room_of(p, *centres, dim);
    const bool is_small = piece.rows.size() < 2 * dim || piece.rows.size() <= dim + 1;
    auto own = is_small ? Result<Places>(random_places(piece.rows.size(), dim, room, seed + p))
                        : spectral_places(piece.graph, dim, seed, run);
    if (!own) {
      return own;
    }
    const double largest = largest_magnitude(*own);
    const double factor = is_small || largest == 0.0 ? 1.0 : room / largest;
    for (std::size_t i = 0; i < piece.rows.size(); ++i) {
      for (std::size_t c = 0; c < dim; ++c) {
        places[piece.rows[i] * dim + c] = (*own)[i * dim + c] * factor + (*centres)[p * dim + c];
      }
    }
  }
  return places;
}

template <typename T>
std::vector<float> spanned(std::span<const T> places, std::size_t dim) {
  std::vector<float> result(places.size());
  for (std::size_t c = 0; c < dim; ++c) {
    double low = std::numeric_limits<double>::infinity();
    double high = -low;
    for (std::size_t i = c; i < places.size(); i += dim) {
      low = std::min(low, static_cast<double>(places[i]));
      high = std::max(high, static_cast<double>(places[i]));
    }
    const double factor = high > low ? kExtent / (high - low) : 0.0;
    for (std::size_t i = c; i < places.size(); i += dim) {
      result[i] = static_cast<float>((static_cast<double>(places[i]) - low) * factor);
    }
  }
  return result;
}

}  // namespace

Result<std::vector<float>> umap_start(const SparseGraph& graph, const RowsView& rows, UmapStart start, std::size_t dim,
                                      std::uint64_t seed, const AnalysisRun& run) {
  Result<Places> places = Places{};
  if (start == UmapStart::kSpectral && graph.row_count() > dim + 1) {
    const auto component = connected_components(graph);
    places = std::ranges::max(component) == 0 ? spectral_places(graph, dim, seed, run)
                                              : places_by_piece(graph, component, rows, dim, seed, run);
  }
  if (places && places->empty() && start != UmapStart::kRandom) {
    places = pca_places(rows, dim, seed, run);
  }
  if (!places) {
    return std::unexpected(places.error());
  }
  if (places->empty()) {
    places = random_places(graph.row_count(), dim, kExtent, seed);
  } else {
    scale(*places, kExtent, seed);
  }
  return spanned(std::span<const double>(*places), dim);
}

std::vector<float> spread_start(std::span<const float> places, std::size_t dim) {
  return spanned(places, dim);
}

}  // namespace asterism
