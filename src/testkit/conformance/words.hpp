/// \file
/// Texts of a report.

#pragma once

#include <string>
#include <string_view>

namespace coerce::testkit::conformance::detail {

/// Printable, also if it is long or binary.
std::string shown(std::string_view text);

}  // namespace coerce::testkit::conformance::detail
