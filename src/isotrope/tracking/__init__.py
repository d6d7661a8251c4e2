"""Results for MLflow and TensorBoard, written by one process from the files that the jobs left.

No job knows of either: fifty of them at once would fight over one database. Nothing here is needed
for tables or figures, and what is written can be thrown away and written anew. `track` imports
MLflow and TensorBoard, which are optional, only when they are asked for.
"""

import os

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"  # MLflow reads it when it is imported
