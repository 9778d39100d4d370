// Reads the filter language of docs/filters.md.
//
//   expression = and-part { ("or" | "||") and-part }
//   and-part   = unary { ("and" | "&&") unary }
//   unary      = ("not" | "!") unary | "(" expression ")" | predicate
//   predicate  = "exists" path | "exists" "(" path ")" | contains | operand [ tail ] | value sign operand
//   contains   = "array_contains" "(" path "," value ")"
//              | ("array_contains_any" | "array_contains_all") "(" path "," list ")"
//   operand    = path | "array_length" "(" path ")"
//   tail       = sign value | "is" ["not"] "null" | ["not"] ("in" list | "like" text | "between" value "and" value)
//   sign       = "=" | "==" | "!=" | "<>" | "<" | "<=" | ">" | ">="
//   list       = "[" [value {"," value}] "]" | "(" [value {"," value}] ")"
//   path       = "$id" | "$kind" | "$content" | name { "." name | "[" integer "]" | "[" text "]" }
//   name       = letters, digits, "_" and what is not ASCII | "`" any, a backquote twice "`"
//   value      = 'text' | "text" | integer | real | "true" | "false"
//
// Keywords in any letter case. Both quotes hold text, as in Milvus and MongoDB; a name with odd characters stands in
// backquotes, so a reader of SQL who writes "price" > 5 gets an error and not another meaning. A quote in a text is
// written twice, and a backslash is a character like any other: what escapes in a pattern of `like` is seen there.
#pragma once

#include <string_view>

#include "store/filter_expression.hpp"

namespace asterism {

// kUsage says the byte, what was expected and what was found, with the line and a caret under it; kLimitExceeded names
// the limit (filter_expression.hpp). Cost: linear in the text. Thread-safe.
Result<FilterExpression> parse_filter(std::string_view text);

}  // namespace asterism
