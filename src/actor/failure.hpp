/// \file
/// What is said of exceptions.

#pragma once

#include <exception>
#include <string>

namespace coerce::detail {

std::string text_of(const std::exception_ptr& error) noexcept;

}  // namespace coerce::detail
