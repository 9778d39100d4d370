#include "hub/package_index.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>

#include "base/ascii_case.hpp"
#include "base/json.hpp"
#include "hub/http.hpp"
#include "hub/model_id.hpp"

namespace asterism {
namespace {

constexpr std::string_view kDigestFragment = "sha256=";

// The entities that occur in addresses; others stay as they are.
std::string unescape(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, char>, 5> kEntities{
      {{"&amp;", '&'}, {"&quot;", '"'}, {"&#x27;", '\''}, {"&lt;", '<'}, {"&gt;", '>'}}};
  std::string out;
  while (!text.empty()) {
    const auto entity = std::ranges::find_if(kEntities, [text](const auto& e) { return text.starts_with(e.first); });
    if (entity == kEntities.end()) {
      out.push_back(text.front());
      text.remove_prefix(1);
    } else {
      out.push_back(entity->second);
      text.remove_prefix(entity->first.size());
    }
  }
  return out;
}

// The value of `href` inside an opening tag.
std::optional<std::string> href_of(std::string_view tag) {
  const auto at = ascii_lower(tag).find("href");
  if (at == std::string::npos) {
    return std::nullopt;
  }
  const auto equals = tag.find_first_not_of(" \t\r\n", at + 4);
  if (equals == std::string_view::npos || tag[equals] != '=') {
    return std::nullopt;
  }
  const auto quote = tag.find_first_not_of(" \t\r\n", equals + 1);
  if (quote == std::string_view::npos || (tag[quote] != '"' && tag[quote] != '\'')) {
    return std::nullopt;
  }
  const auto end = tag.find(tag[quote], quote + 1);
  return end == std::string_view::npos ? std::nullopt : std::optional(unescape(tag.substr(quote + 1, end - quote - 1)));
}

std::string_view trim(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t\r\n");
  return begin == std::string_view::npos ? std::string_view()
                                         : text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

// Splits off "#sha256=..." and makes the address absolute. A link that leads nowhere is left out.
std::optional<IndexFile> make_file(std::string name, std::string_view reference, std::string_view page_url) {
  IndexFile file;
  file.name = std::move(name);
  if (const auto hash = reference.find('#'); hash != std::string_view::npos) {
    const std::string_view fragment = reference.substr(hash + 1);
    if (fragment.starts_with(kDigestFragment) && is_sha256(fragment.substr(kDigestFragment.size()))) {
      file.sha256 = fragment.substr(kDigestFragment.size());
    }
    reference = reference.substr(0, hash);
  }
  auto url = url_resolve(page_url, reference);
  if (!url) {
    return std::nullopt;
  }
  file.url = std::move(*url);
  return file;
}

std::vector<IndexFile> parse_html(std::string_view body, std::string_view page_url) {
  std::vector<IndexFile> files;
  const std::string folded = ascii_lower(body);
  std::size_t at = 0;
  while ((at = folded.find("<a", at)) != std::string::npos) {
    at += 2;
    const std::size_t open = body.find('>', at);
    const std::size_t close = open == std::string_view::npos ? open : folded.find("</a", open);
    if (close == std::string_view::npos) {
      break;
    }
    if (std::isspace(static_cast<unsigned char>(body[at])) == 0) {
      continue;  // <abbr>, <article>
    }
    const auto href = href_of(body.substr(at, open - at));
    if (href) {
      auto file = make_file(unescape(trim(body.substr(open + 1, close - open - 1))), *href, page_url);
      if (file) {
        files.push_back(std::move(*file));
      }
    }
    at = close;
  }
  return files;
}

Result<std::vector<IndexFile>> parse_simple_json(std::string_view body, std::string_view page_url) {
  const auto json = parse_json(body, page_url);
  if (!json) {
    return std::unexpected(json.error());
  }
  const auto listed = json->is_object() ? json->find("files") : json->end();
  if (listed == json->end() || !listed->is_array()) {
    return fail(ErrorCode::kCorrupt, fmt::format("{}: expected \"files\", a list, found something else", page_url));
  }
  std::vector<IndexFile> files;
  for (const Json& entry : *listed) {
    auto name = json_get<std::string>(entry, "filename", page_url);
    const auto url = json_get<std::string>(entry, "url", page_url);
    if (!name || !url) {
      return std::unexpected(name ? url.error() : name.error());
    }
    auto file = make_file(std::move(*name), *url, page_url);
    if (!file) {
      continue;
    }
    if (const auto hashes = entry.find("hashes"); hashes != entry.end() && hashes->is_object()) {
      const auto sha256 = json_find<std::string>(*hashes, "sha256", page_url);
      if (sha256 && *sha256 && is_sha256(**sha256)) {
        file->sha256 = **sha256;
      }
    }
    files.push_back(std::move(*file));
  }
  return files;
}

}  // namespace

std::string normalised_package_name(std::string_view name) {
  std::string out;
  for (const char c : ascii_lower(name)) {
    const bool separator = c == '-' || c == '_' || c == '.';
    if (!separator) {
      out.push_back(c);
    } else if (!out.ends_with('-')) {
      out.push_back('-');
    }
  }
  return out;
}

Result<std::vector<IndexFile>> parse_index_page(std::string_view body, std::string_view content_type,
                                                std::string_view page_url) {
  if (ascii_lower(content_type).find("json") != std::string::npos) {
    return parse_simple_json(body, page_url);
  }
  return parse_html(body, page_url);
}

}  // namespace asterism
