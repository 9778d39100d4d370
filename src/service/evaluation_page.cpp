#include "service/evaluation_page.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "analysis/confusion_matrix.hpp"
#include "base/html.hpp"
#include "service/evaluation_plots.hpp"

namespace asterism::service {
namespace {

// More classes than that are no picture any more.
constexpr std::size_t kConfusionClassCountMax = 120;
constexpr std::size_t kConfusionListCountMax = 12;
// Plots of intervals of one task.
constexpr std::size_t kIntervalPlotCountMax = 4;

// No script, no outside resource: the policy says so to the browser, whatever a name might try.
constexpr std::string_view kPolicy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'";
constexpr std::string_view kStyle =
    ":root{color-scheme:light dark;--ink:#1c2430;--soft:#5d6978;--paper:#fff;--line:#d5dae1;--main:#2563c9;"
    "--base:#8a94a3;--wrong:#c2410c}"
    "@media(prefers-color-scheme:dark){:root{--ink:#e3e8ef;--soft:#9aa6b5;--paper:#14181f;--line:#39414d;"
    "--main:#7fb0ff;--base:#7d8795;--wrong:#fb923c}}"
    "body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:1000px;margin:2rem "
    "auto;padding:0 1rem}table{border-collapse:collapse;display:block;overflow-x:auto}td,th{padding:.2rem .9rem .2rem "
    "0;border-bottom:1px solid var(--line);text-align:left}td.n{font-variant-numeric:tabular-nums}tr.base{color:"
    "var(--soft)}small{color:var(--soft)}.plots{display:flex;flex-wrap:wrap;align-items:flex-start;gap:16px;margin:"
    "12px 0}svg{max-width:100%;"
    "height:auto}.grid{stroke:var(--line)}.frame{fill:none;stroke:var(--line)}.tick{font-size:10px;fill:var(--soft)}"
    ".name{font-size:12px;fill:var(--ink)}.title{font-size:12px;font-weight:600;fill:var(--ink)}.bar{stroke:var(--main)"
    ";"
    "stroke-width:3}.bar.base{stroke:var(--base)}.dot,.column,.right{fill:var(--main)}.dot.base{fill:var(--base)}"
    ".wrong{fill:var(--wrong)}.point{fill:var(--main);fill-opacity:.45}";

std::string value_cell(const MeasuredValue& measure) {
  if (std::isnan(measure.value)) {
    return "&ndash;";
  }
  std::string text = fmt::format("{:.4f}", measure.value);
  if (!std::isnan(measure.interval.low)) {
    text += fmt::format(" <small>{:.4f} to {:.4f}</small>", measure.interval.low, measure.interval.high);
  }
  return text;
}

const MeasuredValue* find_value(const SystemResult& system, const std::string& name) {
  const auto found = std::ranges::find(system.measures, name, &MeasuredValue::name);
  return found == system.measures.end() ? nullptr : &*found;
}

std::string figures(const TaskResult& task, const std::vector<std::string>& names) {
  std::string out = "<table><tr><th></th>";
  for (const std::string& name : names) {
    out += fmt::format("<th>{}</th>", escape_html(find_measure(name).title));
  }
  out += "</tr>";
  for (const SystemResult& system : task.systems) {
    out += fmt::format("<tr{}><td>{}</td>", system.is_baseline ? " class=base" : "", escape_html(system.name));
    for (const std::string& name : names) {
      const MeasuredValue* const value = find_value(system, name);
      out += fmt::format("<td class=n>{}</td>", value != nullptr ? value_cell(*value) : std::string{});
    }
    out += "</tr>";
  }
  return out + "</table>";
}

std::string interval_plots(const TaskResult& task, const std::vector<std::string>& names) {
  std::string out;
  for (std::size_t m = 0; m < std::min(names.size(), kIntervalPlotCountMax); ++m) {
    std::vector<IntervalBar> bars;
    for (const SystemResult& system : task.systems) {
      if (const MeasuredValue* const value = find_value(system, names[m]); value != nullptr) {
        bars.push_back({system.name, value->value, value->interval.low, value->interval.high, system.is_baseline});
      }
    }
    out += interval_plot(find_measure(names[m]).title, bars);
  }
  return out;
}

const MeasureColumn* find_column(std::span<const MeasureColumn> columns, std::string_view name) {
  const auto found = std::ranges::find(columns, name, &MeasureColumn::name);
  return found == columns.end() ? nullptr : &*found;
}

std::vector<std::int32_t> labels_of(const MeasureColumn& column) {
  return {column.values.begin(), column.values.end()};
}

// Which classes are taken for which, most often first.
std::string confusion_list(const ConfusionMatrix& matrix, const TaskResult& task) {
  struct Entry {
    std::size_t truth = 0;
    std::size_t said = 0;
    std::uint64_t count = 0;
  };
  std::vector<Entry> entries;
  for (std::size_t truth = 0; truth < matrix.class_count(); ++truth) {
    for (std::size_t said = 0; said < matrix.class_count(); ++said) {
      if (truth != said && matrix.count(truth, said) > 0) {
        entries.push_back({truth, said, matrix.count(truth, said)});
      }
    }
  }
  std::ranges::stable_sort(entries, std::ranges::greater{}, &Entry::count);
  entries.resize(std::min(entries.size(), kConfusionListCountMax));
  std::string out = "<table><tr><th>is</th><th>taken for</th><th>rows</th></tr>";
  for (const Entry& entry : entries) {
    out += fmt::format("<tr><td>{}</td><td>{}</td><td class=n>{}</td></tr>", escape_html(task.class_names[entry.truth]),
                       escape_html(task.class_names[entry.said]), entry.count);
  }
  return entries.empty() ? std::string{} : out + "</table>";
}

std::string confusion(const TaskResult& task) {
  const MeasureColumn* const label = find_column(task.columns, "label");
  const MeasureColumn* const said = find_column(task.systems.front().columns, "predicted");
  if (label == nullptr || said == nullptr || task.class_names.empty()) {
    return {};
  }
  const ConfusionMatrix matrix(labels_of(*label), labels_of(*said));
  if (matrix.class_count() > task.class_names.size()) {
    return {};
  }
  std::string out;
  if (const std::size_t count = task.class_names.size(); count <= kConfusionClassCountMax) {
    std::vector<std::size_t> counts(count * count);
    for (std::size_t truth = 0; truth < matrix.class_count(); ++truth) {
      for (std::size_t of = 0; of < matrix.class_count(); ++of) {
        counts[truth * count + of] = matrix.count(truth, of);
      }
    }
    out += confusion_plot(fmt::format("{}: what is true (rows) and what was said", task.systems.front().name),
                          task.class_names, counts);
  }
  return out + confusion_list(matrix, task);
}

// What lies behind the figures of the first system, row by row.
std::string row_plots(const TaskResult& task) {
  const SystemResult& system = task.systems.front();
  const MeasureColumn* const gold = find_column(task.columns, "gold");
  const MeasureColumn* const score = find_column(system.columns, "score");
  if (gold != nullptr && score != nullptr) {
    return scatter_plot(system.name + ": every pair", "gold", "cosine", gold->values, score->values);
  }
  std::string out;
  std::size_t count = 0;
  for (const MeasureColumn& column : system.columns) {
    if (column.name != "predicted" && column.name != "cluster" && count < kIntervalPlotCountMax) {
      out += histogram_plot(fmt::format("{}: {} by rows", system.name, find_measure(column.name).title), column.values);
      ++count;
    }
  }
  return out;
}

// "learnt_rows" is a name for programs.
std::string words_of(std::string name) {
  std::ranges::replace(name, '_', ' ');
  return name;
}

std::string task_section(const TaskResult& task) {
  std::vector<std::string> names;
  for (const SystemResult& system : task.systems) {
    for (const MeasuredValue& measure : system.measures) {
      if (std::ranges::find(names, measure.name) == names.end()) {
        names.push_back(measure.name);
      }
    }
  }
  std::string out = fmt::format("<h2>{}</h2><p>{} rows", escape_html(task.task), task.rows.size());
  for (const auto& [key, value] : task.settings.items()) {
    out += fmt::format("; {}: {}", escape_html(words_of(key)),
                       escape_html(value.is_string() ? value.get<std::string>() : value.dump()));
  }
  out += ".</p>" + figures(task, names);
  for (const std::string& note : task.notes) {
    out += fmt::format("<p><small>{}</small></p>", escape_html(note));
  }
  if (task.systems.empty()) {
    return out;
  }
  return out +
         fmt::format("<div class=plots>{}{}{}</div>", interval_plots(task, names), row_plots(task), confusion(task));
}

}  // namespace

std::string evaluation_page_head(std::string_view title) {
  return fmt::format(
      "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta http-equiv=\"Content-Security-Policy\" "
      "content=\"{}\"><meta name=\"viewport\" content=\"width=device-width\"><title>{}</title><style>{}</style>",
      kPolicy, escape_html(title), kStyle);
}

std::string render_evaluation(const EvaluationReport& report, const std::vector<MeasureComparison>& comparisons) {
  std::string out = evaluation_page_head("Evaluation of " + report.input);
  out += fmt::format(
      "<h1>Evaluation of {}</h1><p>Small figures are {:.0f} % intervals from {} resamples of the rows (seed {}). "
      "Baselines are grey.</p>",
      escape_html(report.input), 100.0 * report.bootstrap.level, report.bootstrap.replicate_count,
      report.bootstrap.seed);
  for (const TaskResult& task : report.tasks) {
    out += task_section(task);
  }
  out += comparisons.empty() ? "" : "<h2>models</h2>";
  for (const MeasureComparison& comparison : comparisons) {
    out += fmt::format("<p>{}.</p>", escape_html(comparison.sentence));
  }
  return out + "</html>\n";
}

}  // namespace asterism::service
