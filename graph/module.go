package graph

import (
	"context"

	"studychat/auth"
	"studychat/db"
	"studychat/graph/limits"
	"studychat/graph/model"
)

func (r queryResolver) Modules(ctx context.Context, first *int, after *string, last *int, before *string) (*model.ModuleConnection, error) {
	if _, err := viewer(ctx); err != nil {
		return nil, err
	}
	page, err := db.NewPage(first, after, last, before, db.ParseModuleKey, db.Page{Limit: db.ChatPage})
	if err != nil {
		return nil, err
	}
	list, err := r.Repo.Modules(ctx, page)
	if err != nil {
		return nil, err
	}
	return &model.ModuleConnection{ModuleList: list}, nil
}

func (r queryResolver) Module(ctx context.Context, id string) (*db.Module, error) {
	if _, err := viewer(ctx); err != nil {
		return nil, err
	}
	id, err := db.ParseModuleID("id", id)
	if err != nil {
		return nil, err
	}
	modules, err := r.Repo.ModulesByID(ctx, []string{id})
	if err == nil && modules[id] == nil {
		err = db.NotFound("module")
	}
	return modules[id], err
}

// contentsAtOnce is how many modules' contents one read fetches: they may have 800 KB each.
const contentsAtOnce = 4

// Content is read apart from the rest of a module, only if the document selects it.
func (r moduleResolver) Content(ctx context.Context, module *db.Module) (content string, err error) {
	weight := limits.MaxReading / contentsAtOnce // in messages, so that so many are read at the same time
	err = answerFrom(ctx).budget.Read(ctx, weight, func() (bytes int, err error) {
		contents, err := r.Repo.ModuleContents(ctx, []string{module.ID})
		content = contents[module.ID]
		return len(content), err
	})
	return content, err
}

func (r moduleResolver) Chats(ctx context.Context, module *db.Module, first *int, after *string, last *int, before *string) (*model.ChatConnection, error) {
	user, err := viewer(ctx)
	if err != nil {
		return nil, err
	}
	return r.chatPage(ctx, user, &module.ID, first, after, last, before)
}

func (r mutationResolver) PutModule(ctx context.Context, input model.PutModuleInput) (*model.PutModulePayload, error) {
	if err := needScope(ctx, auth.ScopeModules); err != nil {
		return nil, err
	}
	module, err := newModule(input)
	if err != nil {
		return nil, err
	}
	stored, err := r.Repo.PutModule(ctx, module)
	if err != nil {
		return nil, err
	}
	return &model.PutModulePayload{Module: stored, ModuleEdge: model.NewModuleEdge(stored)}, nil
}

func newModule(input model.PutModuleInput) (module db.Module, err error) {
	if module.ID, err = db.ParseModuleID("moduleId", input.ModuleID); err != nil {
		return module, err
	}
	if module.Title, err = db.CleanTitle("title", input.Title); err != nil {
		return module, err
	}
	module.Content, err = db.CleanModuleContent("content", input.Content)
	return module, err
}

func (r mutationResolver) DeleteModule(ctx context.Context, input model.DeleteModuleInput) (*model.DeleteModulePayload, error) {
	if err := needScope(ctx, auth.ScopeModules); err != nil {
		return nil, err
	}
	id, err := db.ParseModuleID("moduleId", input.ModuleID)
	if err != nil {
		return nil, err
	}
	return &model.DeleteModulePayload{DeletedModuleID: id}, r.Repo.DeleteModule(ctx, id)
}

// needScope refuses a viewer whose token does not carry the scope. Errors: UNAUTHENTICATED, FORBIDDEN.
func needScope(ctx context.Context, scope string) error {
	who, err := auth.FromContext(ctx)
	if err == nil && !who.HasScope(scope) {
		err = db.Forbidden("Only a token with the scope \"" + scope + "\" may do this.")
	}
	return err
}
