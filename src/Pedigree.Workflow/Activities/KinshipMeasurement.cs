using Pedigree.Evolution;
using Pedigree.Storage;
using Pedigree.Weights.Grams;
using KinshipKind = Pedigree.Weights.Grams.KinshipMeasure;

namespace Pedigree.Workflow.Activities;

/// <summary>
/// Kinship of new models to all others, from Gram rows. Admitted models are always measured; children are measured, with the
/// prediction beside it, or predicted alone. Children of elementwise methods cannot be predicted and are always measured.
/// </summary>
internal sealed class KinshipMeasurement(RunJournal journal, Models models, Recipes recipes, GramCache grams)
{
    public IReadOnlyList<KinshipMeasured> Measure(KinshipRequest request, Action<double> progress, CancellationToken cancellation)
    {
        bool measured = request.Price == KinshipPrice.Measured || request.New.Any(model => !CanPredict(request.Base, model));
        MeasureWhatLacks(request, measured, progress, cancellation);
        Dictionary<string, GramRow> predicted = Predict(request, measured);
        List<ModelReference> others = [.. request.Known];
        List<KinshipMeasured> result = [];
        foreach (ModelReference model in request.New)
        {
            result.Add(new(model.Name, [.. others.Select(Entry)]));
            others.Add(model);

            KinshipEntry Entry(ModelReference other)
            {
                GramRow Best(ModelReference reference) =>
                    predicted.GetValueOrDefault(reference.Digest) ?? Row(request.Base, reference, measured)!;
                KinshipValue? prediction = predicted.ContainsKey(model.Digest) ? Value(Best(model), Best(other)) : null;
                return measured
                    ? new(other.Name, Value(Row(request.Base, model, true)!, Row(request.Base, other, true)!), KinshipPrice.Measured, prediction)
                    : new(other.Name, prediction!, KinshipPrice.Predicted);
            }
        }
        return result;
    }

    private bool CanPredict(ModelReference ancestor, ModelReference model)
    {
        if (recipes.Find(model.Digest) is not { } recipe)
            return false;
        GramRow[] parents = [.. recipe.Parents.Select(parent => Row(ancestor, parent, measured: false)).OfType<GramRow>()];
        return parents.Length == recipe.Parents.Count && recipe.Coefficients(parents) is not null;
    }

    private static KinshipValue Value(GramRow model, GramRow other)
    {
        Gram gram = new([model, other]);
        return new(gram.Kinship(KinshipKind.Pearson, 0, 1), gram.Kinship(KinshipKind.Cosine, 0, 1), gram.Kinship(KinshipKind.Euclidean, 0, 1));
    }

    /// <summary>One pass for the new models, if they are to be measured, and for known ones whose rows the store has lost.</summary>
    private void MeasureWhatLacks(KinshipRequest request, bool measured, Action<double> progress, CancellationToken cancellation)
    {
        ModelReference[] all = measured ? [.. request.Known, .. request.New] : [.. request.Known];
        HashSet<ModelReference> lacking = [.. all.Where(model => Row(request.Base, model, measured) is null)];
        foreach (ModelReference model in measured ? request.New : [])
            if (Row(request.Base, model, true) is { } own
                && all.Any(other => Row(request.Base, other, true) is { } row && !GramRow.Related(row, own)))
                lacking.Add(model);
        if (lacking.Count == 0)
            return;
        List<Relative> opened = [];
        try
        {
            ModelReference[] known = [.. all.Where(model => !lacking.Contains(model))];
            foreach (ModelReference model in (ModelReference[])[request.Base, .. known, .. all.Where(lacking.Contains)])
                opened.Add(new(model.Digest, models.Open(model.Digest)));
            foreach (GramRow row in KinshipPass.Measure(
                opened[0], opened[1..(known.Length + 1)], opened[(known.Length + 1)..],
                progress: new FractionProgress(progress), cancellation: cancellation))
                Keep(row);
        }
        finally
        {
            foreach (Relative relative in opened)
                relative.Checkpoint.Dispose();
        }
    }

    /// <summary>Rows of the new models that are children, by digest.</summary>
    private Dictionary<string, GramRow> Predict(KinshipRequest request, bool measured)
    {
        Dictionary<string, GramRow> predicted = new(StringComparer.Ordinal);
        GramRow[] known = [.. request.Known.Select(model => Row(request.Base, model, measured)!)];
        foreach (ModelReference child in request.New)
        {
            if (recipes.Find(child.Digest) is not { } recipe)
                continue;
            GramRow[] parents = [.. recipe.Parents.Select(parent => known.Single(row => row.Model == parent))];
            if (recipe.Coefficients(parents) is not { } coefficients)
                continue;
            GramRow row = Prediction.Child(child.Digest, parents, coefficients, [.. known, .. predicted.Values]);
            predicted.Add(child.Digest, row);
            if (!measured)
                Keep(row);
        }
        return predicted;
    }

    private GramRow? Row(ModelReference ancestor, ModelReference model, bool measured) => Row(ancestor, model.Digest, measured);

    private GramRow? Row(ModelReference ancestor, string model, bool measured) =>
        (measured ? null : grams.Find(ancestor.Digest, model, measured: false)) ?? grams.Find(ancestor.Digest, model, measured: true);

    private void Keep(GramRow row)
    {
        (string file, GramRow whole) = grams.Add(row);
        journal.Write(() => WholeFile.Write(file, whole.ToJson() + "\n", journal.Temporary));
    }
}
