// Evaluations without the command line: files that are read, splits, reports there and back, comparisons.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "base/file.hpp"
#include "base/thread_pool.hpp"
#include "scratch_folder.hpp"
#include "service/evaluate_compare.hpp"
#include "service/evaluate_labels.hpp"
#include "service/evaluation_baselines.hpp"
#include "service/evaluation_page.hpp"
#include "service/evaluation_report.hpp"
#include "service/pair_rows.hpp"
#include "service/retrieval_files.hpp"
#include "service/text_words.hpp"

namespace asterism::service {
namespace {

// Rows around the place of their class.
EvaluationData grouped_rows(std::size_t row_count, std::int32_t class_count) {
  EvaluationData data;
  VectorSystem rows{.name = "grouped", .is_baseline = false, .dim = 4, .values = random_vectors(row_count, 4, 1, 9)};
  for (std::size_t i = 0; i < row_count; ++i) {
    const auto label = static_cast<std::int32_t>(i) % class_count;
    data.ids.push_back(std::to_string(i));
    data.labels.push_back(label);
    rows.values[4 * i + static_cast<std::size_t>(label) % 4] += 6.0F;
  }
  for (std::int32_t c = 0; c < class_count; ++c) {
    data.class_names.push_back("class " + std::to_string(c));
  }
  data.systems.push_back(std::move(rows));
  return data;
}

TEST(TextWords, are_those_of_scikit_learn) {
  EXPECT_EQ(words_of("It's a Café, x2 y -- 42 ÉTÉ"), (std::vector<std::string>{"it", "café", "x2", "42", "été"}));
  EXPECT_TRUE(words_of(" . \xFF a").empty());
}

TEST(Judgements, are_read_in_both_forms) {
  const auto beir = parse_judgements("query-id\tcorpus-id\tscore\nq1\td1\t2\nq1\td 2\t0\r\n\nq2\td1\t1\n", "t");
  ASSERT_TRUE(beir) << beir.error().to_string();
  EXPECT_EQ(beir->at("q1").at("d1"), 2);
  EXPECT_EQ(beir->at("q1").at("d 2"), 0);
  const auto trec = parse_judgements("1 0 184 2\n1 0\t29 -1\n", "t");
  ASSERT_TRUE(trec) << trec.error().to_string();
  EXPECT_EQ(trec->at("1").at("184"), 2);
  EXPECT_EQ(trec->at("1").at("29"), -1);
}

TEST(Judgements, that_cannot_be_read_name_the_line) {
  const auto broken = parse_judgements("1 0 184 2\n1 0 29 high\n", "q.txt");
  ASSERT_FALSE(broken);
  EXPECT_NE(broken.error().message.find("q.txt, line 2"), std::string::npos) << broken.error().message;
  EXPECT_FALSE(parse_judgements("1 0 184 2\n1 0 184 1\n", "q.txt"));
  EXPECT_FALSE(parse_judgements("\n\n", "q.txt"));
}

TEST(RetrievalRuns, are_read_in_the_order_of_trec_eval) {
  const auto run = parse_run("q Q0 a 1 0.5 t\nq Q0 b 2 0.5 t\nq Q0 c 3 0.9 t\n", "r");
  ASSERT_TRUE(run) << run.error().to_string();
  const auto& found = run->at("q");
  ASSERT_EQ(found.size(), 3U);
  EXPECT_EQ(found[0].id + found[1].id + found[2].id, "cba");
  EXPECT_FALSE(parse_run("q Q0 a 1 nan t\n", "r"));
  EXPECT_FALSE(parse_run("q Q0 a 1 0.5 t\nq Q0 a 2 0.4 t\n", "r"));
}

class Pairs : public testing::Test {
 protected:
  Result<PairRows> read(const std::string& name, const std::string& text, std::array<std::string, 3> columns = {}) {
    const std::string path = folder_.path() / name;
    EXPECT_TRUE(write_file_atomic(path, text));
    return read_pairs({.path = path, .format = TextFormat::kAuto, .columns = std::move(columns)});
  }
  ScratchFolder folder_{"pairs"};
};

TEST_F(Pairs, of_the_sts_form_need_no_header) {
  const auto pairs = read("sts.csv", "\"a, b\",c,4.5\nd,e,0\nf,,1\ng,h,high\n");
  ASSERT_TRUE(pairs) << pairs.error().to_string();
  EXPECT_EQ(pairs->first, (std::vector<std::string>{"a, b", "d"}));
  EXPECT_EQ(pairs->gold, (std::vector<double>{4.5, 0.0}));
  EXPECT_EQ(pairs->left_out_count, 2U);
}

TEST_F(Pairs, have_columns_by_name) {
  const auto pairs = read("sick.tsv", "pair_ID\tsentence_A\tsentence_B\trelatedness_score\n1\tx\ty\t3.2\n2\tz\tw\t1\n");
  ASSERT_TRUE(pairs) << pairs.error().to_string();
  EXPECT_EQ(pairs->second, (std::vector<std::string>{"y", "w"}));
  const auto missing = read("p.csv", "left,right,same\na,b,1\nc,d,0\n");
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().message.find("left, right, same"), std::string::npos) << missing.error().message;
  EXPECT_TRUE(read("p.csv", "left,right,same\na,b,1\nc,d,0\n", {"left", "right", "same"}));
  const auto objects = read("p.jsonl", R"({"sentence1":"a","sentence2":"b","score":0.5}
{"sentence1":"c","sentence2":"d","score":1}
{"sentence1":"e"}
)");
  ASSERT_TRUE(objects) << objects.error().to_string();
  EXPECT_EQ(objects->gold, (std::vector<double>{0.5, 1.0}));
  EXPECT_EQ(objects->left_out_count, 1U);
  EXPECT_FALSE(read("one.csv", "a,b,1\n"));
}

TEST(Split, takes_a_share_of_every_class_and_the_same_one_again) {
  EvaluationData data = grouped_rows(100, 4);
  data.labels[7] = -1;
  const auto split = split_by_class(data, 0.2, 3);
  ASSERT_TRUE(split) << split.error().to_string();
  EXPECT_EQ(split->asked.row_count(), 20U);
  EXPECT_EQ(split->learnt.row_count(), 79U);
  const auto again = split_by_class(data, 0.2, 3);
  EXPECT_EQ(split->asked.ids, again->asked.ids);
  EXPECT_NE(split->asked.ids, split_by_class(data, 0.2, 4)->asked.ids);
  EXPECT_FALSE(split_by_class(grouped_rows(10, 1), 0.2, 3));
  EXPECT_FALSE(split_by_class(data, 1.0, 3));
}

TEST(LabelTasks, say_what_makes_a_split_say_little) {
  const auto notes_of = [](const EvaluationData& data) {
    ThreadPool pool(1);
    LabelTaskOptions options;
    options.bootstrap.replicate_count = 20;
    const auto split = split_by_class(data, 0.2, 0);
    const auto task = split ? evaluate_knn(*split, options, {.pool = pool}) : std::unexpected(split.error());
    EXPECT_TRUE(task) << task.error().to_string();
    return task ? task->notes : std::vector<std::string>{};
  };
  EXPECT_THAT(notes_of(grouped_rows(200, 4)), testing::Each(testing::Not(testing::HasSubstr("asked"))));
  EXPECT_THAT(notes_of(grouped_rows(40, 4)), testing::Contains(testing::HasSubstr("only 8 rows are asked")));
  EvaluationData rare = grouped_rows(200, 4);
  std::ranges::fill(rare.labels, 0);
  rare.labels[5] = 1;
  rare.labels[6] = 2;
  const auto notes = notes_of(rare);
  EXPECT_THAT(notes, testing::Contains(testing::HasSubstr("is of one class")));
  EXPECT_THAT(notes, testing::Contains("2 of 3 classes are learnt from and never asked"));
}

TEST(LabelTasks, tell_rows_with_classes_from_rows_by_chance) {
  EvaluationData data = grouped_rows(200, 4);
  auto split = split_by_class(data, 0.3, 0);
  ASSERT_TRUE(split);
  std::vector<Json> reports;
  for (const std::size_t thread_count : {1U, 3U}) {
    ThreadPool pool(thread_count);
    const AnalysisRun run{.pool = pool};
    LabelledSplit own = *split;
    EvaluationData all = data;
    ASSERT_TRUE(add_baselines(own.learnt, &own.asked, 4, 0, run));
    ASSERT_TRUE(add_baselines(all, nullptr, 4, 0, run));
    LabelTaskOptions options;
    options.bootstrap.replicate_count = 100;
    EvaluationReport report{.input = "rows", .bootstrap = options.bootstrap, .tasks = {}};
    for (auto task :
         {evaluate_probe(own, options, run), evaluate_knn(own, options, run), evaluate_clustering(all, options, run)}) {
      ASSERT_TRUE(task) << task.error().to_string();
      ASSERT_EQ(task->systems.size(), 2U);
      EXPECT_GT(task->systems[0].measures[0].value, 0.9) << task->task;
      EXPECT_LT(task->systems[1].measures[0].value, 0.5) << task->task;
      EXPECT_LE(task->systems[0].measures[0].interval.low, task->systems[0].measures[0].value);
      report.tasks.push_back(*std::move(task));
    }
    reports.push_back(report_json(report, true));
  }
  EXPECT_EQ(reports[0], reports[1]);
}

TaskResult task_of(std::vector<double> predicted, std::string name) {
  TaskResult task{.task = "probe"};
  for (std::size_t i = 0; i < predicted.size(); ++i) {
    task.rows.push_back(std::to_string(i));
  }
  task.columns.push_back({"label", std::vector<double>(predicted.size(), 1.0)});
  SystemResult system{.name = std::move(name), .is_baseline = false};
  system.columns.push_back({"predicted", std::move(predicted)});
  ThreadPool pool(1);
  EXPECT_TRUE(measure_system(task, system, {"accuracy"}, {.replicate_count = 50}, {.pool = pool}));
  task.systems.push_back(std::move(system));
  return task;
}

std::vector<double> right_of(std::size_t right_count, std::size_t count) {
  std::vector<double> predicted(count, 0.0);
  std::fill_n(predicted.begin(), right_count, 1.0);
  return predicted;
}

TEST(Compare, says_which_is_better_and_whether_by_chance) {
  ThreadPool pool(2);
  const AnalysisRun run{.pool = pool};
  const auto compare = [&](const TaskResult& a, const TaskResult& b) {
    return compare_systems(a, a.systems[0], b, b.systems[0], {}, run);
  };
  const TaskResult good = task_of(right_of(90, 100), "good");
  const TaskResult bad = task_of(right_of(60, 100), "bad");
  const auto clear = compare(bad, good);
  ASSERT_TRUE(clear);
  ASSERT_EQ(clear->size(), 1U);
  EXPECT_NEAR(clear->front().difference, -0.3, 1e-12);
  EXPECT_LT(clear->front().p_value, 0.01);
  EXPECT_NE(clear->front().sentence.find("good is better than bad, by more than chance"), std::string::npos)
      << clear->front().sentence;
  const auto close = compare(good, task_of(right_of(89, 100), "near"));
  ASSERT_TRUE(close);
  EXPECT_GT(close->front().p_value, 0.5);
  EXPECT_NE(close->front().sentence.find("no difference between good and near beyond chance"), std::string::npos);
  const auto equal = compare(good, good);
  ASSERT_TRUE(equal);
  EXPECT_EQ(equal->front().p_value, 1.0);
  EXPECT_EQ(compare(good, task_of(right_of(5, 10), "other")).error().code, ErrorCode::kMismatch);
}

TEST(Compare, refuses_other_labels_of_the_same_rows) {
  ThreadPool pool(1);
  const TaskResult a = task_of(right_of(5, 10), "a");
  TaskResult b = task_of(right_of(5, 10), "b");
  b.columns[0].values[3] = 2.0;
  EXPECT_EQ(compare_systems(a, a.systems[0], b, b.systems[0], {}, {.pool = pool}).error().code, ErrorCode::kMismatch);
}

TEST(Report, is_read_as_it_was_written) {
  EvaluationReport report{.input = "rows.csv", .bootstrap = {}, .tasks = {}};
  report.tasks.push_back(task_of({1.0, 0.0, 1.0}, "model"));
  report.tasks[0].systems[0].columns.push_back({"gap", {0.5, std::numeric_limits<double>::quiet_NaN(), 1.0}});
  const auto read = report_from_json(report_json(report, true), "r.json");
  ASSERT_TRUE(read) << read.error().to_string();
  EXPECT_EQ(report_json(*read, true)["tasks"][0]["systems"], report_json(report, true)["tasks"][0]["systems"]);
  EXPECT_TRUE(std::isnan(read->tasks[0].systems[0].columns[1].values[1]));
}

TEST(Report, that_lies_is_refused) {
  EvaluationReport report{.input = "rows.csv", .bootstrap = {}, .tasks = {}};
  report.tasks.push_back(task_of({1.0, 0.0, 1.0}, "model"));
  EXPECT_FALSE(report_from_json(report_json(report, false), "short.json"));
  Json json = report_json(report, true);
  json["tasks"][0]["systems"][0]["columns"]["predicted"].push_back(1.0);
  EXPECT_EQ(report_from_json(json, "long.json").error().code, ErrorCode::kCorrupt);
  json["version"] = 99;
  EXPECT_EQ(report_from_json(json, "new.json").error().code, ErrorCode::kUnsupported);
  EXPECT_FALSE(report_from_json(Json::array(), "array.json"));
  EXPECT_FALSE(report_from_json(Json::object(), "empty.json"));
}

TEST(Page, shows_names_as_text) {
  EvaluationReport report{.input = "<script>alert(1)</script>", .bootstrap = {}, .tasks = {}};
  report.tasks.push_back(task_of({1.0, 0.0, 1.0}, "<b>model</b>"));
  report.tasks[0].class_names = {"<i>a</i>", "b"};
  const std::string page = render_evaluation(report, {});
  EXPECT_EQ(page.find("<script"), std::string::npos);
  EXPECT_EQ(page.find("<b>model"), std::string::npos);
  EXPECT_EQ(page.find("<i>a"), std::string::npos);
  EXPECT_NE(page.find("&lt;b&gt;model"), std::string::npos);
  EXPECT_EQ(page.find("http"), page.find("http-equiv")) << "an outside address";
}

TEST(Baselines, of_texts_are_words_and_their_components) {
  EvaluationData learnt;
  learnt.texts = {"red shoes here", "red boots here", "blue socks there", "blue hats there"};
  learnt.ids = {"0", "1", "2", "3"};
  EvaluationData asked;
  asked.texts = {"red socks", "nothing known"};
  asked.ids = {"0", "1"};
  ThreadPool pool(1);
  ASSERT_TRUE(add_baselines(learnt, &asked, 2, 0, {.pool = pool}));
  ASSERT_EQ(learnt.systems.size(), 3U);
  EXPECT_EQ(learnt.systems[0].name, "tfidf");
  EXPECT_EQ(learnt.systems[1].name, "tfidf+pca");
  EXPECT_EQ(learnt.systems[1].dim, 2U);
  EXPECT_EQ(learnt.systems[2].name, "random");
  for (const VectorSystem& system : asked.systems) {
    EXPECT_EQ(system.values.size(), 2 * system.dim) << system.name;
  }
}

TEST(Baselines, of_categories_are_one_hot) {
  EvaluationData learnt;
  learnt.ids = {"0", "1", "2"};
  learnt.categories = {{"a", "b", ""}, {"x", "x", "y"}};
  EvaluationData asked;
  asked.ids = {"0"};
  asked.categories = {{"c"}, {"y"}};
  ThreadPool pool(1);
  ASSERT_TRUE(add_baselines(learnt, &asked, 8, 0, {.pool = pool}));
  EXPECT_EQ(learnt.systems[0].name, "one-hot");
  EXPECT_EQ(learnt.systems[0].values, (std::vector<float>{1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 0, 1}));
  EXPECT_EQ(asked.systems[0].values, (std::vector<float>{0, 0, 0, 1}));
}

}  // namespace
}  // namespace asterism::service
