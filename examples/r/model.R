# A logistic regression. legion-ci calls these; data is a list of data frames by name, parameters a list.

train <- function(data, parameters) {
  list(fit = glm(malignant ~ ., data = data$train, family = binomial), threshold = parameters$threshold)
}

test <- function(model, data) {
  list(train_accuracy = mean(predict(model, data$train)$prediction == data$train$malignant))
}

predict <- function(model, data) {
  p <- unname(stats::predict(model$fit, data, type = "response"))
  data.frame(prediction = as.integer(p > model$threshold), probability_0 = 1 - p, probability_1 = p)
}
