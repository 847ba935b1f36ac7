// Errors are values: Result<T, E> holds either a T or the room's own error E.
#pragma once

#include <boost/system/result.hpp>

namespace sallyport {

template <class T, class E>
using Result = boost::system::result<T, E>;

}  // namespace sallyport
