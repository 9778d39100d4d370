#include "store/embedded_store.hpp"

#include "contract/vector_store_contract.hpp"
#include "scratch_folder.hpp"

namespace asterism {
namespace {

StoreMaker embedded(VectorType type) {
  StoreMaker maker;
  maker.name = vector_type_name(type);
  maker.make = [type](const CollectionSettings& settings) -> StoreMaker::Made {
    auto folder = std::make_shared<ScratchFolder>("collection");
    auto typed = settings;
    typed.vector_type = type;
    auto store = EmbeddedStore::create(folder->path() / "c", typed);
    EXPECT_TRUE(store) << (store ? "" : store.error().to_string());
    return {store ? std::move(*store) : nullptr, folder};
  };
  return maker;
}

INSTANTIATE_TEST_SUITE_P(Embedded, VectorStoreContract, testing::Values(embedded(VectorType::kF32)),
                         [](const auto& made) { return made.param.name; });

}  // namespace
}  // namespace asterism
