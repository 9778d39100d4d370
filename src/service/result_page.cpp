#include "service/result_page.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <string_view>

#include "base/base64.hpp"
#include "base/file.hpp"
#include "base/html.hpp"
#include "image/decode.hpp"
#include "image/thumbnail.hpp"

namespace asterism::service {
namespace {

// Longest text shown of a row or a query.
constexpr std::size_t kTextSizeBytesMax = 400;

// No script, no outside resource: the policy says so to the browser, whatever a name might try.
constexpr std::string_view kHead = R"html(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{}</title>
)html";

constexpr std::string_view kStyle = R"html(<style>
body { font: 14px/1.4 system-ui, sans-serif; margin: 24px; color: #222; background: #fff; }
h1 { font-size: 18px; margin: 0 0 4px; }
p { color: #666; margin: 0 0 20px; }
section { display: flex; flex-wrap: wrap; gap: 12px; padding: 12px 0; border-top: 1px solid #ddd; }
figure { margin: 0; width: 160px; }
figure.query { padding-right: 12px; border-right: 2px solid #888; }
img { display: block; max-width: 160px; max-height: 160px; }
figcaption { font-size: 12px; overflow-wrap: anywhere; }
b { font-variant-numeric: tabular-nums; }
</style>
</head>
<body>
)html";

// Cut between characters.
std::string_view beginning_of(std::string_view text) {
  if (text.size() <= kTextSizeBytesMax) {
    return text;
  }
  std::size_t end = kTextSizeBytesMax;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) {
    --end;
  }
  return text.substr(0, end);
}

Result<std::string> thumbnail(std::string_view file) {
  const auto image =
      decode_image(std::as_bytes(std::span(file)), {.allow_truncated = true, .jpeg_shrink_edge = 2 * kThumbnailEdge});
  if (!image) {
    return std::unexpected(image.error());
  }
  return encode_thumbnail(*image, kThumbnailEdge);
}

// The picture, or the text; nothing for a picture that cannot be shown.
std::string body_of(const PageFigure& figure) {
  if (figure.kind == PayloadKind::kText) {
    return fmt::format("<div>{}</div>", escape_html(beginning_of(figure.content)));
  }
  const auto picture = thumbnail(figure.content);
  return picture ? fmt::format(R"(<img alt="{}" src="data:image/jpeg;base64,{}">)", escape_html(figure.caption),
                               base64(*picture))
                 : std::string{};
}

std::string section_of(const PageSection& section) {
  std::string html = fmt::format("<section>\n<figure class=\"query\">{}<figcaption>{}</figcaption></figure>\n",
                                 body_of(section.query), escape_html(section.query.caption));
  for (const PageFigure& figure : section.found) {
    html += fmt::format("<figure>{}<figcaption><b>{}</b> {}</figcaption></figure>\n", body_of(figure),
                        escape_html(figure.score), escape_html(figure.caption));
  }
  return html + "</section>\n";
}

}  // namespace

std::string render_page(const ResultPage& page) {
  std::string html = fmt::format(kHead, escape_html(page.title));
  html += kStyle;
  html += fmt::format("<h1>{}</h1>\n<p>{}</p>\n", escape_html(page.title), escape_html(page.remark));
  for (const PageSection& section : page.sections) {
    html += section_of(section);
  }
  return html + "</body>\n</html>\n";
}

Result<void> write_page(const ResultPage& page, const std::filesystem::path& path) {
  auto file = AtomicFile::create(path);
  if (!file) {
    return std::unexpected(file.error());
  }
  if (auto written = file->write(render_page(page)); !written) {
    return written;
  }
  return file->commit();
}

}  // namespace asterism::service
