// USearch's graph as this module uses it: positions of rows as keys, distances between codes, nodes in an arena.
//
// The only file that includes USearch. Its graph stores links alone; codes lie beside it (graph_codes.hpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <vector>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"
#include <usearch/index.hpp>
#pragma GCC diagnostic pop

#include "index/graph_codes.hpp"

namespace asterism {

// Memory for nodes, given back all at once: nodes that are made one after the other lie side by side. Copies share the
// memory. The graph allocates under its own lock.
class NodeArena {
 public:
  using value_type = char;

  char* allocate(std::size_t size_bytes) {
    if (state_ == nullptr) {
      state_ = std::make_shared<State>();
    }
    const std::size_t rounded = (size_bytes + kAlignmentBytes - 1) / kAlignmentBytes * kAlignmentBytes;
    if (state_->left_bytes < rounded) {
      const std::size_t chunk_bytes = std::max(rounded, kChunkBytes);
      state_->chunks.push_back(std::make_unique_for_overwrite<char[]>(chunk_bytes));
      state_->next = state_->chunks.back().get();
      state_->left_bytes = chunk_bytes;
      state_->size_bytes += chunk_bytes;
    }
    char* node = state_->next;
    state_->next += rounded;
    state_->left_bytes -= rounded;
    return node;
  }
  void deallocate(char*, std::size_t) noexcept {}
  void reset() noexcept { state_.reset(); }
  std::size_t size_bytes() const noexcept { return state_ == nullptr ? 0 : state_->size_bytes; }
  friend bool operator==(const NodeArena& a, const NodeArena& b) noexcept { return a.state_ == b.state_; }

 private:
  static constexpr std::size_t kAlignmentBytes = 16;
  static constexpr std::size_t kChunkBytes = 1024 * 1024;
  struct State {
    std::vector<std::unique_ptr<char[]>> chunks;
    char* next = nullptr;
    std::size_t left_bytes = 0;
    std::size_t size_bytes = 0;
  };
  std::shared_ptr<State> state_;
};

using UsearchGraph = unum::usearch::index_gt<float, std::uint32_t, std::uint32_t, std::allocator<char>, NodeArena>;

// What is being added or searched for.
struct CodeValue {
  const std::byte* code;
};

// USearch's metric: a new code to a node, or a node to a node.
struct CodeMetric {
  const GraphCodes* codes;

  template <typename Member>
  float operator()(const CodeValue& value, const Member& member) const noexcept {
    return codes->distance(value.code, codes->row(get_slot(member)));
  }
  template <typename Member>
  float operator()(const Member& a, const Member& b) const noexcept {
    return codes->distance(codes->row(get_slot(a)), codes->row(get_slot(b)));
  }
};

// USearch's prefetch: called with the neighbours that will be compared next.
struct CodePrefetch {
  const GraphCodes* codes;

  template <typename Iterator>
  void operator()(Iterator begin, Iterator end) const noexcept {
    for (; begin != end; ++begin) {
      codes->prefetch(get_slot(begin));
    }
  }
};

}  // namespace asterism
