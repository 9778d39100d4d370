#include "analysis/edge_rounds.hpp"

#include <bit>
#include <limits>

namespace asterism {
namespace {

constexpr std::size_t kWordBits = 64;

using Bits = std::vector<std::uint64_t>;  // grows as it is written to: most rows have few edges

std::size_t first_free(const Bits& a, const Bits& b) {
  for (std::size_t word = 0;; ++word) {
    const std::uint64_t taken = (word < a.size() ? a[word] : 0U) | (word < b.size() ? b[word] : 0U);
    if (taken != std::numeric_limits<std::uint64_t>::max()) {
      return word * kWordBits + static_cast<std::size_t>(std::countr_one(taken));
    }
  }
}

void take(Bits& bits, std::size_t at) {
  if (bits.size() <= at / kWordBits) {
    bits.resize(at / kWordBits + 1, 0U);
  }
  bits[at / kWordBits] |= std::uint64_t{1} << (at % kWordBits);
}

}  // namespace

EdgeRounds edge_rounds(const SparseGraph& graph) {
  std::vector<Bits> taken(graph.row_count());
  std::vector<std::uint32_t> round_of;
  round_of.reserve(graph.edge_count());
  EdgeRounds rounds;
  for (std::uint32_t row = 0; row < graph.row_count(); ++row) {
    for (const std::uint32_t other : graph.columns_of(row)) {
      const std::size_t round = first_free(taken[row], taken[other]);
      take(taken[row], round);
      take(taken[other], round);
      round_of.push_back(static_cast<std::uint32_t>(round));
      if (rounds.begin.size() < round + 2) {
        rounds.begin.resize(round + 2, 0);
      }
      ++rounds.begin[round + 1];
    }
  }
  for (std::size_t round = 1; round < rounds.begin.size(); ++round) {
    rounds.begin[round] += rounds.begin[round - 1];
  }
  rounds.from.resize(graph.edge_count());
  rounds.to.resize(graph.edge_count());
  rounds.weights.resize(graph.edge_count());
  std::vector<std::size_t> next(rounds.begin.begin(), rounds.begin.end() - 1);
  for (std::uint32_t row = 0; row < graph.row_count(); ++row) {
    for (std::size_t edge = graph.begin[row]; edge < graph.begin[row + 1]; ++edge) {
      const std::size_t at = next[round_of[edge]]++;
      rounds.from[at] = row;
      rounds.to[at] = graph.columns[edge];
      rounds.weights[at] = graph.weights[edge];
    }
  }
  return rounds;
}

}  // namespace asterism
