# Tables as JSON, one list of values a column, in both directions. Missing values are null.

column_of <- function(values, type) {
  values <- if (is.list(values)) sapply(values, function(v) if (is.null(v)) NA else v) else values
  switch(type,
    number = as.numeric(values),
    integer = if (all(is.na(values) | abs(as.numeric(values)) < 2^31)) as.integer(values) else as.numeric(values),
    boolean = as.logical(values),
    datetime = as.POSIXct(sub("T", " ", as.character(values), fixed = TRUE), tz = "UTC"),
    as.character(values)
  )
}

frame_of <- function(columns, types) {
  made <- lapply(names(types), function(name) column_of(columns[[name]], types[[name]]))
  names(made) <- names(types)
  as.data.frame(made, stringsAsFactors = FALSE, check.names = FALSE, optional = TRUE)
}

# What predict returned, as named columns of plain values: a data frame, a matrix, or one vector named prediction.
plain_of <- function(answer, n) {
  if (is.matrix(answer)) answer <- as.data.frame(answer, check.names = FALSE)
  if (!is.data.frame(answer)) answer <- data.frame(prediction = unname(unlist(answer)), stringsAsFactors = FALSE)
  if (nrow(answer) != n) stop(sprintf("predict returned %d predictions for %d rows", nrow(answer), n), call. = FALSE)
  lapply(answer, function(column) {
    if (is.factor(column) || inherits(column, c("POSIXt", "Date"))) column <- as.character(column)
    if (is.list(column)) stop("predict returned a column that is a list", call. = FALSE)
    unname(column)
  })
}

json_of <- function(value) {
  as.character(jsonlite::toJSON(value, digits = NA, na = "null", null = "null", auto_unbox = FALSE))
}
