# Answers on a file descriptor what is asked on standard input, one line of JSON each, until that ends.
# Rscript --vanilla serve.R FOLDER FD: FOLDER has model.rds, code/, packages.json and this file.

main <- function() {
  told <- commandArgs(trailingOnly = TRUE)
  folder <- told[1]
  options(warn = 1)
  source(file.path(folder, "frames.R"))
  answers <- file(paste0("/dev/fd/", told[2]), open = "wb")
  say <- function(value) {
    writeLines(json_of(value), answers, useBytes = TRUE)
    flush(answers)
  }
  sink(stderr())  # what the team's functions print must not get between the answers
  ready <- tryCatch({
    kept <- jsonlite::fromJSON(file.path(folder, "packages.json"))
    for (name in kept$attached) library(name, character.only = TRUE)
    team <- new.env(parent = globalenv())
    sys.source(file.path(folder, "code", kept$script), envir = team, chdir = TRUE)
    model <- readRDS(file.path(folder, "model.rds"))
    list(ready = TRUE)
  }, error = function(e) list(error = conditionMessage(e)))
  say(ready)
  if (!is.null(ready$error)) return(invisible())
  questions <- file("stdin", open = "rb")
  while (length(line <- readLines(questions, n = 1, encoding = "UTF-8")) == 1) {
    say(tryCatch({
      asked <- jsonlite::fromJSON(line, simplifyDataFrame = FALSE, simplifyMatrix = FALSE)
      frame <- frame_of(asked$columns, asked$types)
      list(columns = plain_of(team$predict(model, frame), nrow(frame)))
    }, error = function(e) list(error = conditionMessage(e))))
  }
}

main()
