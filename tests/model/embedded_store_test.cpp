// An embedded collection against a plain map: random operations, the same answers. A million operations on items in the
// long form (ASTERISM_MODEL_OPERATIONS says another number), seeded, so that a failure comes again.
#include "store/embedded_store.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>
#include <random>
#include <set>

#include "scratch_folder.hpp"
#include "store/filter_parser.hpp"

namespace asterism {
namespace {

constexpr std::size_t kDim = 8;
// Enough for a graph to be built, and to be changed and built again as items come and go.
constexpr int kIdCount = 16'000;
constexpr std::uint64_t kOperationCountDefault = 1'000'000;

std::uint64_t operation_count() {
  const char* asked = std::getenv("ASTERISM_MODEL_OPERATIONS");
  return asked == nullptr ? kOperationCountDefault : std::strtoull(asked, nullptr, 10);
}

struct Truth {
  std::vector<float> vector;
  int number = 0;
};
using Items = std::map<std::string, Truth>;

float distance(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    sum += (static_cast<double>(a[i]) - static_cast<double>(b[i])) *
           (static_cast<double>(a[i]) - static_cast<double>(b[i]));
  }
  return static_cast<float>(std::sqrt(sum));
}

class EmbeddedStoreModel : public testing::Test {
 protected:
  void SetUp() override {
    CollectionSettings settings;
    settings.dim = kDim;
    settings.metric = Metric::kEuclidean;
    settings.columns = {"number"};
    auto made = EmbeddedStore::create(folder_.path() / "c", settings);
    ASSERT_TRUE(made) << made.error().to_string();
    store_ = std::move(*made);
  }

  int below(int limit) { return std::uniform_int_distribution<int>(0, limit - 1)(random_); }
  std::string some_id() { return fmt::format("item '{}'", below(kIdCount)); }
  std::vector<float> some_vector() {
    std::vector<float> vector(kDim);
    std::ranges::generate(vector, [this] { return std::normal_distribution<float>()(random_); });
    return vector;
  }

  void add() {
    std::vector<Item> batch;
    const int size = 1 + below(200);
    for (int i = 0; i < size; ++i) {
      Item item;
      item.id = some_id();
      const auto before = items_.find(item.id);
      const int number = below(1000);
      // Some are given again as they are, some with other metadata only.
      const int what = before == items_.end() ? 0 : below(3);
      item.vector = what == 0 ? some_vector() : before->second.vector;
      item.metadata = fmt::format(R"({{"number":{}}})", what == 2 ? before->second.number : number);
      items_[item.id] = {item.vector, what == 2 ? before->second.number : number};
      batch.push_back(std::move(item));
    }
    const auto added = store_->add(batch);
    ASSERT_TRUE(added) << added.error().to_string();
    done_ += batch.size();
  }

  void erase() {
    std::vector<std::string> ids;
    std::set<std::string> there;
    const int size = 1 + below(100);
    for (int i = 0; i < size; ++i) {
      ids.push_back(some_id());
      if (items_.contains(ids.back())) {
        there.insert(ids.back());
      }
    }
    const auto erased = store_->erase(ids);
    ASSERT_TRUE(erased) << erased.error().to_string();
    EXPECT_EQ(*erased, there.size());
    for (const auto& id : ids) {
      items_.erase(id);
    }
    done_ += ids.size();
  }

  void erase_where() {
    const int number = below(1000);
    const auto filter = *parse_filter(fmt::format("number = {}", number));
    const auto erased = store_->erase_where(filter);
    ASSERT_TRUE(erased) << erased.error().to_string();
    EXPECT_EQ(*erased, std::erase_if(items_, [&](const auto& entry) { return entry.second.number == number; }));
    done_ += *erased;
  }

  void get() {
    std::vector<std::string> ids;
    for (int i = 0; i < 20; ++i) {
      ids.push_back(some_id());
    }
    const auto got = store_->get(ids, {.metadata = true, .content = false, .data = false, .vector = true});
    ASSERT_TRUE(got) << got.error().to_string();
    for (std::size_t i = 0; i < ids.size(); ++i) {
      const auto truth = items_.find(ids[i]);
      ASSERT_EQ((*got)[i].has_value(), truth != items_.end()) << ids[i];
      if ((*got)[i]) {
        EXPECT_EQ((*got)[i]->vector, truth->second.vector);
        EXPECT_EQ((*got)[i]->metadata, fmt::format(R"({{"number":{}}})", truth->second.number));
      }
    }
    done_ += ids.size();
  }

  void search() {
    const auto query = some_vector();
    const int limit = below(4) == 0 ? 1 + below(1000) : 1000;
    const auto filter = *parse_filter(fmt::format("number < {}", limit));
    const bool exact = below(2) == 0;
    const std::size_t k = 1 + static_cast<std::size_t>(below(20));
    const auto hits = store_->nearest({.query = query,
                                       .k = k,
                                       .filter = limit == 1000 ? nullptr : &filter,
                                       .mode = exact ? SearchMode::kExact : SearchMode::kAuto});
    ASSERT_TRUE(hits) << hits.error().to_string();
    std::vector<float> truth;
    for (const auto& [id, item] : items_) {
      if (item.number < limit) {
        truth.push_back(distance(query, item.vector));
      }
    }
    ASSERT_EQ(hits->hits.size(), std::min(k, truth.size())) << hits->explanation.plan;
    std::ranges::partial_sort(truth, truth.begin() + static_cast<std::ptrdiff_t>(hits->hits.size()));
    std::set<std::string> seen;
    for (std::size_t i = 0; i < hits->hits.size(); ++i) {
      const auto& hit = hits->hits[i];
      const auto item = items_.find(hit.item.id);
      ASSERT_NE(item, items_.end()) << hit.item.id << " is not there";
      EXPECT_TRUE(seen.insert(hit.item.id).second) << hit.item.id << " twice";
      EXPECT_LT(item->second.number, limit);
      EXPECT_NEAR(hit.score, distance(query, item->second.vector), 1e-4F);
      if (exact) {
        EXPECT_NEAR(hit.score, truth[i], 1e-4F);
      }
      found_count_ += hit.score <= truth[hits->hits.size() - 1] + 1e-4F ? 1U : 0U;
    }
    asked_count_ += hits->hits.size();
    ++done_;
  }

  void count() {
    const int number = below(1000);
    const auto filter = *parse_filter(fmt::format("number >= {}", number));
    EXPECT_EQ(*store_->count(&filter),
              std::ranges::count_if(items_, [&](const auto& entry) { return entry.second.number >= number; }));
    ++done_;
  }

  void use_versions() {
    const auto name = fmt::format("v{}", below(4));
    const auto known = versions_.find(name);
    if (known == versions_.end()) {
      const auto made = store_->create_version(name);
      ASSERT_TRUE(made) << made.error().to_string();
      versions_[name] = items_;
    } else if (below(2) == 0) {
      ASSERT_TRUE(store_->restore_version(name));
      items_ = known->second;
    } else {
      check_version(name, known->second);
      ASSERT_TRUE(store_->drop_version(name));
      versions_.erase(known);
    }
    ++done_;
  }

  void check_version(const std::string& name, const Items& items) {
    CollectionOpenOptions options;
    options.version = name;
    options.thread_count = 1;
    const auto then = EmbeddedStore::open(folder_.path() / "c", options);
    ASSERT_TRUE(then) << then.error().to_string();
    EXPECT_EQ(*(*then)->count(nullptr), items.size());
    if (items.empty()) {
      return;
    }
    const auto& [id, item] = *std::next(items.begin(), below(static_cast<int>(items.size())));
    const auto hits = (*then)->nearest({.query = item.vector, .k = 1});
    ASSERT_TRUE(hits) << hits.error().to_string();
    EXPECT_NEAR(hits->hits.front().score, 0.0F, 1e-4F);
  }

  void reopen() {
    store_.reset();
    auto opened = EmbeddedStore::open(folder_.path() / "c", {});
    ASSERT_TRUE(opened) << opened.error().to_string();
    store_ = std::move(*opened);
    ++done_;
  }

  void step() {
    const int what = below(1000);
    if (what < 400) {
      add();
    } else if (what < 560) {
      erase();
    } else if (what < 570) {
      erase_where();
    } else if (what < 700) {
      get();
    } else if (what < 940) {
      search();
    } else if (what < 960) {
      count();
    } else if (what < 980) {
      use_versions();
    } else if (what < 990) {
      const auto built = store_->build_index({});
      ASSERT_TRUE(built) << built.error().to_string();
    } else if (what < 992) {
      const auto compacted = store_->compact({});
      ASSERT_TRUE(compacted) << compacted.error().to_string();
    } else {
      reopen();
    }
  }

  ScratchFolder folder_{"model"};
  std::mt19937 random_{20261129};
  std::unique_ptr<EmbeddedStore> store_;
  Items items_;
  std::map<std::string, Items> versions_;
  std::uint64_t done_ = 0;
  std::uint64_t asked_count_ = 0;
  std::uint64_t found_count_ = 0;
};

TEST_F(EmbeddedStoreModel, AgreesWithAMap) {
  while (done_ < operation_count()) {
    step();
    if (HasFailure()) {
      FAIL() << "after " << done_ << " operations";
    }
  }
  for (const auto& [name, items] : versions_) {
    check_version(name, items);
  }
  const auto report = store_->verify({});
  ASSERT_TRUE(report) << report.error().to_string();
  EXPECT_EQ(report->item_count, items_.size());
  EXPECT_TRUE(report->problems.empty()) << report->problems.front();
  // Half of the searches are exact; the others may miss a little.
  EXPECT_GT(static_cast<double>(found_count_), 0.97 * static_cast<double>(asked_count_));
}

}  // namespace
}  // namespace asterism
