# Trains: Rscript --vanilla train.R JOB. Reads job, data and parameters, writes model.rds and answer.json into the job's target.

team_error <- function(e, stage) list(error = paste0(stage, ": ", conditionMessage(e)), call = paste(deparse(conditionCall(e)), collapse = " "))

# Packages that the script names by library(x), require(x), requireNamespace("x") and x::y, found without running it.
named_packages <- function(expression) {
  found <- character(0)
  visit <- function(e) {
    if (is.call(e)) {
      head <- if (is.name(e[[1]])) as.character(e[[1]]) else ""
      if (head %in% c("library", "require", "requireNamespace", "loadNamespace") && length(e) > 1 &&
          (is.name(e[[2]]) || is.character(e[[2]]))) found <<- c(found, as.character(e[[2]]))
      if (head %in% c("::", ":::")) found <<- c(found, as.character(e[[2]]))
    }
    if (is.call(e) || is.expression(e) || is.pairlist(e)) for (part in as.list(e)) if (!missing(part)) visit(part)
  }
  visit(expression)
  sort(unique(found))
}

main <- function() {
  path <- commandArgs(trailingOnly = TRUE)[1]
  options(warn = 1)
  if (!requireNamespace("jsonlite", quietly = TRUE)) {
    writeLines('{"missing":["jsonlite"]}', file.path(dirname(path), "answer.json"))
    return(invisible())
  }
  job <- jsonlite::fromJSON(path, simplifyVector = FALSE)
  source(file.path(job$ours, "frames.R"))
  done <- function(value) writeLines(as.character(jsonlite::toJSON(value, digits = NA, auto_unbox = TRUE, na = "null")), job$answer, useBytes = TRUE)
  code <- tryCatch(parse(job$script, keep.source = TRUE), error = identity)
  if (inherits(code, "error")) return(done(list(error = paste("the script cannot be read:", conditionMessage(code)), call = "")))
  wanted <- setdiff(unique(c(named_packages(code), unlist(job$packages))), "base")
  absent <- wanted[!vapply(wanted, requireNamespace, logical(1), quietly = TRUE)]
  if (length(absent)) return(done(list(missing = as.list(absent))))
  team <- new.env(parent = globalenv())
  stage <- job$name
  answer <- tryCatch({
    sys.source(job$script, envir = team, chdir = TRUE)
    lacking <- Filter(function(f) !exists(f, envir = team, mode = "function", inherits = FALSE), c("train", "predict"))
    if (length(lacking)) list(lacking = as.list(lacking)) else {
      data <- lapply(job$data, function(d) {
        read <- jsonlite::fromJSON(d$path, simplifyDataFrame = FALSE, simplifyMatrix = FALSE)
        frame_of(read, d$types)
      })
      stage <- "train"
      model <- team$train(data, job$parameters)
      metrics <- NULL
      if (exists("test", envir = team, mode = "function", inherits = FALSE)) {
        stage <- "test"
        metrics <- as.list(team$test(model, data))
      }
      stage <- "predict"
      head <- data[[job$sample]][seq_len(min(5, nrow(data[[job$sample]]))), unlist(job$features), drop = FALSE]
      plain_of(team$predict(model, head), nrow(head))
      stage <- "saving"
      saveRDS(model, file.path(job$target, "model.rds"))
      versions <- lapply(wanted, function(p) as.character(utils::packageVersion(p)))
      names(versions) <- wanted
      attached <- intersect(rev(sub("^package:", "", grep("^package:", search(), value = TRUE))), wanted)
      list(metrics = metrics, r = paste(R.version$major, R.version$minor, sep = "."), packages = versions, attached = as.list(attached))
    }
  }, error = function(e) team_error(e, stage))
  done(answer)
}

main()
