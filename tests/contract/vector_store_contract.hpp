// What every store must do, as one suite over a way to make stores.
//
// A store's own test file says how to make one and instantiates it:
//   INSTANTIATE_TEST_SUITE_P(Embedded, VectorStoreContract, testing::Values(StoreMaker{...}));
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "store/vector_store.hpp"

namespace asterism {

struct StoreMaker {
  std::string name;
  // An empty collection that nothing else uses, and what ends with it (a folder, a server).
  struct Made {
    std::unique_ptr<VectorStore> store;
    std::shared_ptr<void> owner;
  };
  std::function<Made(const CollectionSettings& settings)> make;
  // Why it cannot be made here ("no server"); the tests are skipped then, and say so.
  std::function<std::string()> missing = [] { return std::string(); };
};

class VectorStoreContract : public testing::TestWithParam<StoreMaker> {
 protected:
  void SetUp() override;
  VectorStore& make(const CollectionSettings& settings);

  // Items "0", "1", ... with vectors on a circle, in a metadata of several types.
  static std::vector<Item> circle(std::size_t count);
  static std::vector<std::string> ids(const StoreHits& hits);

 private:
  StoreMaker::Made made_;
};

}  // namespace asterism
